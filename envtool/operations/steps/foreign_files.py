"""Files that were made on another operating system: why their packages cannot be had here, and what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from envtool.engines.protocol import UnsatisfiableError
from envtool.i18n import tr
from envtool.model import Spec
from envtool.operations.context import Context

_PREFIXES = {"Windows": re.compile(r"[A-Za-z]:[\\/]"), "Darwin": re.compile(r"/(?:Users|opt/homebrew)/")}
_NAMES = {"Windows": "Windows", "Darwin": "macOS"}


@contextmanager
def explaining(context: Context, spec: Spec) -> Iterator[None]:
    """Give an UnsatisfiableError raised inside a hint on where the file that asks for the packages was made."""
    try:
        yield
    except UnsatisfiableError as error:
        system = next((name for name, pattern in _PREFIXES.items() if pattern.match(spec.prefix)), "")
        if system and system != context.host.system:
            error.hint = tr(
                "The file was made on {system}: its prefix is {prefix}. Remove the packages that exist there only, and "
                "from the others the build, which is what follows the second `=`. On that machine, `conda env export "
                "--from-history` writes a file that works on both.",
                system=_NAMES[system],
                prefix=spec.prefix,
            )
        raise
