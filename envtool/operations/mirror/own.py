"""``envtool mirror add`` and ``remove``: the user's own list of mirrors."""

from envtool.mirrors import own_mirrors
from envtool.model import Plan
from envtool.operations.context import Context
from envtool.operations.mirror.switch import Switch


def plan_add(
    context: Context, name: str, *, pypi: str = "", conda: str = "", torch: str = "", flat: bool = False
) -> Switch:
    """Return what adding a mirror would change; one of the same name is replaced. Raises EnvtoolError."""
    edits = own_mirrors.add(context.host, name, pypi=pypi, conda=conda, torch=torch, flat=flat)
    return Switch(Plan(f"mirror add {name}", edits=edits), ())


def plan_remove(context: Context, name: str) -> Switch:
    """Return what removing a mirror would change. Raises EnvtoolError where it is not one of the user's own."""
    edits = own_mirrors.remove(context.host, context.catalogue, name)
    return Switch(Plan(f"mirror remove {name}", edits=edits), ())
