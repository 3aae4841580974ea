"""Take the snapshots of an envtool: ``python -m support.compatibility PROGRAM``, in the folder ``tests``."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from support.channel import recipe
from support.compatibility import DATA
from support.compatibility.interface import interface, shown_by_help
from support.compatibility.scenarios import CONDA, SCENARIOS, printed
from support.home import Home


def main() -> None:
    """Take the snapshot of the program that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="an envtool: the program of an environment that has it installed")
    program = parser.parse_args().program.absolute()
    found = interface(str(program.parent / "python"))
    _write("interface", found)
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder, "home"), (str(program),))
        _write("help", shown_by_help(home, tuple(found)))
        channel = recipe.built(Path(folder, "channel"))
        for scenario in (*SCENARIOS, CONDA):
            own = Path(folder, scenario)
            own.mkdir()
            steps = printed(scenario, own, (str(program),), channel if scenario == CONDA else None)
            _write(scenario, steps)
            print(f"{scenario}: {len(steps)} commands", file=sys.stderr)


def _write(name: str, content: Any) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (DATA / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
