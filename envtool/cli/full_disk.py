"""Errors of a full disk, whichever program met it: the folder that is full, and what to do about it."""

import re
import shutil
from pathlib import Path

from envtool.cli.formatting import amount
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import says_full
from envtool.i18n import tr

_PATH = re.compile(r"(?:^|(?<=[\s`'\"(]))/[^\s`'\":,()]+")


def explained(error: EnvtoolError) -> EnvtoolError:
    """Return an error with the full folder as its hint, if a disk or a quota is full; else the error as it is.

    The folder is that of the last path in the message: programs name what they copy first, and where to after it.
    """
    text = " ".join(error.message.split())
    if not says_full(text):
        return error
    paths = _PATH.findall(text)
    error.hint = tr("Free space on the disk or in your quota, and run the command again.")
    if paths:
        folder = next(folder for folder in Path(paths[-1]).parents if folder.is_dir())
        error.hint = tr(
            "The disk or quota of {folder} is full ({free} free now). Free space there and run the command again.",
            folder=folder,
            free=amount(shutil.disk_usage(folder).free),
        )
    if error.code == ExitCode.NETWORK:
        error.code = ExitCode.FAILED
    return error
