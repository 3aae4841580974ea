"""Frozen environments."""

from pathlib import Path

import pytest
from support.layouts import conda_env, write

from envtool.prefix import frozen


@pytest.mark.parametrize(
    ("text", "message"),
    [("", ""), ('{"message": "shared by all"}', "shared by all"), ("{}", ""), ("[]", ""), ('{"message": null}', "")],
)
def test_the_message_of_a_frozen_environment(tmp_path: Path, text: str, message: str) -> None:
    prefix = conda_env(tmp_path)
    assert frozen.message(prefix) is None
    write(prefix / "conda-meta" / "frozen", text)
    assert frozen.message(prefix) == message
