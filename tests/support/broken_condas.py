"""Condas that do not work: real programs, one for each way in which an installation breaks."""

import sys
from pathlib import Path

_IMPORT_ERROR = (
    '{"exception_name": "ImportError", "exception_type": "ImportError", '
    '"message": "libssl.so.3: cannot open shared object file"}'
)

# What each is, and a word of the cause that a user must read. Those of HANGING are given time, the others fail at once.
BROKEN: dict[str, tuple[str, str]] = {
    "dead interpreter": ("#!/gone/miniconda3/bin/python\n", "/gone/miniconda3/bin/python does not exist"),
    "interpreter not on PATH": ("#!/usr/bin/env python-that-is-gone\n", "python-that-is-gone"),
    "no module named conda": (
        f"#!{sys.executable}\nfrom conda_that_is_gone.cli import main\n",
        "No module named 'conda_that_is_gone'",
    ),
    "broken base": (
        f"#!/bin/sh\necho '{_IMPORT_ERROR}'\nexit 1\n",
        "libssl.so.3: cannot open",
    ),
    "another machine's program": ("\x7fELF\x02\x01\x01" + "\0" * 60, "Exec format error"),
    "a shell function": ('conda () {\n    "$CONDA_EXE" "$@"\n}\n', "Exec format error"),
    "stub that refuses": (
        "#!/bin/sh\necho 'Load it first: module load anaconda' >&2\nexit 1\n",
        "module load anaconda",
    ),
    "stub that greets": ("#!/bin/sh\necho 'Welcome to conda'\n", "Welcome to conda"),
    "stub that asks": ("#!/bin/sh\nread answer || { echo 'no terminal' >&2; exit 1; }\n", "no terminal"),
    "garbage for JSON": ("#!/bin/sh\nprintf '{\"channels\": [\\377\\n'\n", "not as conda does"),
    "other JSON": ("#!/bin/sh\necho '{\"answer\": 42}'\n", "not as conda does"),
    "silent": ("#!/bin/sh\n", "prints nothing"),
    "silent failure": ("#!/bin/sh\nexit 9\n", "exit code 9"),
    "killed": ("#!/bin/sh\nkill -SEGV $$\n", "SIGSEGV"),
    "out of memory": ("#!/bin/sh\necho working >&2; kill -KILL $$\n", "SIGKILL"),
}
HANGING = {
    "hangs": "#!/bin/sh\nsleep 600\n",
    "hangs and ignores signals": "#!/bin/sh\ntrap '' INT TERM\nwhile :; do sleep 1; done\n",
    "closes its output and hangs": "#!/bin/sh\nexec >&- 2>&-\nsleep 600\n",
}
WORKING = """#!/bin/sh\necho '{"channels": []}'\n"""


def program(path: Path, text: str, mode: int = 0o755) -> Path:
    """Write a program, replacing what is there as an installer does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(text.encode("latin-1"))
    path.chmod(mode)
    return path
