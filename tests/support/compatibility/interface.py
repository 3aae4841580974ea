"""The commands of an envtool and their parameters, read from the program's own parser and its help."""

import json
import re
import subprocess
from collections.abc import Sequence
from typing import Any

from support.home import Home

# Run by the program's own Python. The parser is caught where it is about to start, however the program made it.
_INSPECT = r"""
import json, sys
import typer.core
from envtool.cli import main

class Caught(BaseException):
    pass

def catch(self, *_, **__):
    raise Caught(self)

typer.core.TyperGroup.main = catch
sys.argv = ["envtool", "no-such-command"]
try:
    main.main()
except Caught as caught:
    root = caught.args[0]

def plain(value):
    if callable(value):
        return "computed"
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(getattr(value, "value", value))

def parameter(one):
    told = {
        "kind": one.param_type_name,
        "metavar": one.metavar,
        "type": list(getattr(one.type, "choices", ())) or one.type.name,
        "least": getattr(one.type, "min", None),
        "default": plain(one.default) or None,
        "required": one.required,
        "multiple": getattr(one, "multiple", False),
        "nargs": one.nargs,
        "flag": getattr(one, "is_flag", False),
        "hidden": getattr(one, "hidden", False),
        "variable": one.envvar,
    }
    usual = {"type": "str", "nargs": 1}
    return {name: value for name, value in told.items() if value and usual.get(name) != value}

def key(one):
    options = sorted((*one.opts, *one.secondary_opts), key=lambda word: (not word.startswith("--"), word))
    return " ".join(options) if one.param_type_name == "option" else one.metavar or one.name.upper()

def walk(command, path, above=None):
    context = command.context_class(command, parent=above, info_name="envtool", **command.context_settings)
    yield " ".join(("envtool", *path)), {
        "hidden": bool(command.hidden),
        "parameters": {key(one): parameter(one) for one in command.get_params(context)},
    }
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            yield from walk(command.resolve_command(context, [name])[1], (*path, name), context)

sys.stdout.write(json.dumps(dict(walk(root, ()))))
"""

# The parser of 0.1.0 was started by a module of another name.
_OLD_NAME = ("from envtool.cli import main", "from envtool.cli import entry as main")


def interface(python: str) -> dict[str, Any]:
    """Return every command by its full name, with its parameters by their spelling.

    What users do not rely on (a parameter's name in Python, the words of its help) is left out.
    """
    errors = []
    for script in (_INSPECT, _INSPECT.replace(*_OLD_NAME)):
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
        errors.append(done.stderr)
    raise RuntimeError("\n".join(errors))


def shown_by_help(home: Home, commands: Sequence[str]) -> dict[str, Any]:
    """Return what ``--help`` of each command shows besides prose: its usage, and the options as they are written."""
    shown = {}
    for command in commands:
        text = home.envtool(*command.split()[1:], "--help").out
        usage = re.search(r"Usage: *(.*?) *$", text, re.MULTILINE)
        options = re.findall(r"(?<!\S)--?[a-z][a-z-]*(?![^\s,])", text, re.IGNORECASE)
        shown[command] = {"usage": usage and usage[1], "options": dict.fromkeys(sorted(set(options)), "shown")}
    return shown
