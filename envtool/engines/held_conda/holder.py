"""Runs a conda program and holds it before it fetches, and before it links.

It runs in conda's Python, of whatever version, with nothing of envtool beside it. Where this conda has not the parts
that can be held, it ends with UNSUPPORTED before anything was written.
"""

import importlib
import os
import runpy
import sys
from pathlib import Path

SOLVED = "@envtool: solved"
FETCHED = "@envtool: fetched"
UNSUPPORTED = 97


def _hold(mark: str) -> None:
    """Wait for the word to go on; without it, end at once: nothing has been written since the last stop."""
    sys.stdout.write(f"\n{mark}\n")
    sys.stdout.flush()
    word = b""
    while not word.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        word += byte
    if word != b"go\n":
        os._exit(0)


def _install_stops() -> None:
    transaction = importlib.import_module("conda.core.link").UnlinkLinkTransaction
    common = importlib.import_module("conda.cli.common")
    fetch, execute = transaction.download_and_extract, transaction.execute
    show, plan = common.stdout_json_success, transaction._make_legacy_action_groups  # noqa: SLF001 - what --dry-run prints
    passed = set()

    def stop_at_solved(self: object) -> None:
        if SOLVED not in passed:
            passed.add(SOLVED)
            actions = plan(self)[0]
            show(prefix=actions["PREFIX"], actions=actions, dry_run=True)
            _hold(SOLVED)

    def held_fetch(self: object) -> object:
        stop_at_solved(self)
        return fetch(self)

    def held_execute(self: object) -> object:
        stop_at_solved(self)
        fetch(self)
        if FETCHED not in passed:
            passed.add(FETCHED)
            _hold(FETCHED)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # link scripts find nothing to read
        return execute(self)

    transaction.download_and_extract = held_fetch
    transaction.execute = held_execute


def main() -> None:
    """Run ``sys.argv[1:]``, a conda program with its arguments."""
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)  # as if the program itself had been started
    try:
        _install_stops()
    except (ImportError, AttributeError):
        os._exit(UNSUPPORTED)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
