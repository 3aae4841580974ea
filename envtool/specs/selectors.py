"""Platform selectors in comments (``# [win]``), which conda-build and conda-lock know and conda itself ignores."""

import re
from typing import TYPE_CHECKING

from envtool.i18n import tr
from envtool.paths import Host

if TYPE_CHECKING:
    import ast

_SELECTOR = re.compile(r"#\s*\[(?P<condition>[^\[\]#]{1,100})\]\s*(?:#.*)?$")
_SYSTEMS = ("linux", "osx", "win")


def condition(line: str) -> str:
    """Return the condition of the selector in a line's comment (``win``, ``not osx``), or ``""``."""
    found = _SELECTOR.search(line)
    return found["condition"].strip() if found else ""


def holds(condition: str, subdir: str | None = None) -> bool | None:
    """Return whether a condition holds on a platform (``linux-64``; None: this one); None where it is no condition."""
    import ast

    try:
        tree = ast.parse(condition, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _value(tree.body, _facts(subdir or this_platform()))


def this_platform() -> str:
    """Return the conda platform of this machine (``linux-64``)."""
    return Host.here().subdir


def dropped(line: int, condition: str, text: str) -> str:
    """Return the warning on a line whose selector excludes this platform."""
    return tr(
        "Line {line}: {text} is left out: [{condition}] is not this platform.",
        line=line,
        text=text,
        condition=condition,
    )


def _facts(subdir: str) -> dict[str, bool]:
    system, _, machine = subdir.partition("-")
    facts = {name: name == system for name in _SYSTEMS}
    facts |= {"unix": system in ("linux", "osx")}
    names = {"64": "x86_64", "32": "x86"}
    facts |= {name: name == names.get(machine, machine) for name in ("x86_64", "aarch64", "arm64", "ppc64le", "s390x")}
    facts |= {"x86": machine in ("64", "32")}
    facts |= {f"{name}{bits}": facts[name] and machine == bits for name in _SYSTEMS for bits in ("64", "32")}
    return facts


def _value(node: "ast.expr", facts: dict[str, bool]) -> bool | None:
    import ast

    if isinstance(node, ast.Name):
        return facts.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _value(node.operand, facts)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        values = [_value(each, facts) for each in node.values]
        if None in values:
            return None
        return all(values) if isinstance(node.op, ast.And) else any(values)
    return None
