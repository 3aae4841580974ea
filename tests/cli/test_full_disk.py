"""The hint to an error of a full disk, in the words of each program that envtool drives."""

from pathlib import Path

import pytest

from envtool.cli.full_disk import explained
from envtool.errors import EnvtoolError, ExitCode


@pytest.mark.parametrize(
    "message",
    [
        "{folder}/dl.yml could not be written: No space left on device.",
        "failed to copy file from /somewhere/else/f to {folder}/gone/f: No space left on device (os error 28)",
        (
            "Failed to copy to `{folder}/f.py` cause: failed to copy file from /a/b to {folder}/.tmp1: No space\n"
            "             left on device (os error 28)"
        ),
        "[Errno 28] No space left on device: '{folder}/f'",
        "Caused by: Disk quota exceeded ({folder}/f)",
    ],
)
def test_the_full_folder_is_named(tmp_path: Path, message: str) -> None:
    error = explained(EnvtoolError(message.format(folder=tmp_path), hint="Try a mirror.", code=ExitCode.NETWORK))
    assert f"of {tmp_path} is full" in error.hint
    assert error.code == ExitCode.FAILED


def test_a_message_without_a_path_still_says_what_to_do() -> None:
    assert "Free space" in explained(EnvtoolError("write failed: No space left on device")).hint


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    error = explained(EnvtoolError(f"{tmp_path}/f could not be read: no route.", hint="Wait.", code=ExitCode.NETWORK))
    assert (error.hint, error.code) == ("Wait.", ExitCode.NETWORK)
