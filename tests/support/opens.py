"""The files that a run opens, counted by an audit hook from its first line on."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from support.home import Home

_SCRIPT = """
import collections, json, sys
opened = collections.Counter()
sys.addaudithook(lambda event, args: opened.update([str(args[0])]) if event == "open" and args[1] != "w" else None)
from envtool.cli import main
try:
    main.run(sys.argv[1:])
finally:
    print(json.dumps([opened, sorted(sys.modules)]), file=sys.stderr)
"""


def opened(home: Home, *arguments: str) -> tuple[Counter[Path], set[str]]:
    """Run a command line and return how often it opened each file, and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments],
        env=dict(home.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    counts, modules = json.loads(done.stderr.splitlines()[-1])
    return Counter({Path(name): count for name, count in counts.items()}), set(modules)
