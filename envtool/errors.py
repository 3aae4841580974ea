"""Errors in the user's terms: a message, what to do next, and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command; the README lists them and a test freezes them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MISSING = 3  # something needed is not there: a tool, an environment, a driver
    BAD_INPUT = 4  # a file or a value that cannot be understood
    NETWORK = 5
    VERDICT_NO = 6  # we looked, and the answer is no: checks failed, a difference found
    NOTHING_TO_VERIFY = 7  # no GPU where one was to be verified
    INTERRUPTED = 130


class EnvtoolError(Exception):
    """A failure that the user can understand: what happened, to what and why (``message``), what next (``hint``)."""

    def __init__(self, message: str, *, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class Declined(EnvtoolError):  # noqa: N818 - the user's answer, not an error
    """The user was asked and said no. Nothing was changed, which is what they wanted: the exit code is OK."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=ExitCode.OK)
