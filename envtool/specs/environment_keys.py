"""Keys of an environment.yml: conda's own, those of other files, and those that would lose what is asked for."""

import difflib
import re

from envtool.environment import is_variable_name, set_by_activation
from envtool.i18n import tr

KEYS = ("name", "channels", "dependencies", "variables", "prefix")
_PIP_KEYS = ("pip", "pips", "pip-dependencies", "pip-requirements", "pip-packages")
_PACKAGE_WORDS = frozenset(
    {"packages", "package", "requirements", "requires", "deps", "pip", "conda", "npm", "install"}
)


def not_settable(name: str, value: str) -> str:
    """Return why a variable cannot be set on activation, or ``""``."""
    if not is_variable_name(name):
        return tr("shells cannot have a variable of that name")
    if set_by_activation(name):
        return tr("activation itself sets it")
    if "\0" in value:
        return tr("its value has a NUL character")
    return ""


def fault(key: str, *, has_items: bool) -> tuple[str, str] | None:
    """Return what is wrong with a key that is not conda's, and what to do, where something would be lost with it."""
    if key.lower().replace("_", "-") in _PIP_KEYS:
        what = tr("`{key}:` stands outside of `dependencies:`, where conda does not read it.", key=key)
        return what, tr("Indent it below `dependencies:`, as the item `- pip:` with its own list.")
    if meant := difflib.get_close_matches(key.lower(), KEYS, 1, cutoff=0.8):
        return tr("The key {key} should be {meant}.", key=key, meant=meant[0]), ""
    if has_items and set(re.split(r"[\W_]+", key.lower())) & _PACKAGE_WORDS:
        what = tr("conda does not know the key {key}: its packages would be missing.", key=key)
        return what, tr("Move its items to the list `dependencies`, or remove the key.")
    return None


def other_file(key: str) -> str:
    """Return which other kind of file a key gives away, as a sentence, or ""."""
    if key == "build_dependencies":
        return tr("This is MLflow's python_env.yaml, not a conda environment.")
    if key == "jobs":
        return tr("This is a workflow file, not a conda environment.")
    if key == "services":
        return tr("This is a compose file, not a conda environment.")
    if key == "metadata":
        return tr("This is a lock file or a manifest, not a conda environment.")
    if key in ("show_channel_urls", "default_channels", "custom_channels"):
        return tr("This is a conda configuration file (.condarc), not a conda environment.")
    return ""
