"""One run of ``install.sh``: its words become notes, its failure an error."""

import shutil
from collections.abc import Mapping, Sequence

from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.operations.installation.kinds import SCRIPT
from envtool.process import Command, stream
from envtool.reporter import Reporter


def run(arguments: Sequence[str], variables: Mapping[str, str], reporter: Reporter, label: str) -> str:
    """Run the script and return what it prints. Raises EnvtoolError with its message and its exit code."""
    sh = shutil.which("sh")
    if sh is None or not SCRIPT.is_file():
        raise EnvtoolError(
            tr("{script} is needed for this, and a POSIX shell to run it.", script=SCRIPT), code=ExitCode.MISSING
        )
    failure: dict[str, str] = {}

    def hear(line: str) -> None:
        kind, _, text = line.partition(": ")
        if kind in ("error", "hint"):
            failure[kind] = text
        elif line:
            reporter.note(line)

    with reporter.bar(label):
        done = stream(Command((sh, str(SCRIPT), *arguments), variables), on_stderr=hear)
    if done.returncode:
        message = failure.get("error") or tr("{script} failed.", script=SCRIPT)
        raise EnvtoolError(message, hint=failure.get("hint", ""), code=_code(done.returncode))
    return done.stdout.strip()


def _code(status: int) -> ExitCode:
    try:
        return ExitCode(status)
    except ValueError:
        return ExitCode.FAILED
