"""Commands in messages, written so that they can be pasted into the shell that envtool was started from."""

import os
import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

_COMMAND = re.compile(r"(?<![\w./'\"-])envtool (?=--?[a-z]|[a-z])")


def pasteable(text: str) -> str:
    """Return a message in which the commands of envtool begin with its path, where PATH does not lead to it."""
    if "envtool " not in text or (program := _program()) == "envtool":
        return text
    from envtool.cli.main import COMMANDS

    def written(found: re.Match[str]) -> str:
        word = re.match(r"[\w-]+", text[found.end() :])
        return f"{program} " if word and (word[0] in COMMANDS or word[0].startswith("-")) else found[0]

    return _COMMAND.sub(written, text)


@cache
def _program() -> str:
    """Return what starts this envtool in a shell: its name, its path, or its Python with ``-m``."""
    script = Path(sys.argv[0])
    started_by_module = script.name == "__main__.py"
    if started_by_module:
        script = Path(sys.executable).with_name("envtool.exe" if os.name == "nt" else "envtool")
    elif script.stem != "envtool":
        return "envtool"  # envtool as a library, as in tests
    found = shutil.which("envtool")
    if found and Path(found).resolve() == script.resolve():
        return "envtool"
    if started_by_module:
        return f"{shlex.quote(sys.executable)} -m envtool"
    return shlex.quote(str(script.absolute()))
