"""The variables that an environment sets while it is active, where conda keeps them: ``conda-meta/state``."""

import json
from pathlib import Path

_UNSET = "***unset***"  # conda's way to hide a variable that a package brought


def stored(prefix: Path) -> dict[str, str]:
    """Return the stored variables of an environment; none where the file is missing or cannot be understood."""
    try:
        variables = json.loads((prefix / "conda-meta" / "state").read_bytes())["env_vars"]
        return {str(name): str(value) for name, value in variables.items() if value != _UNSET}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
