"""The variables that an environment sets, as they may be shown."""

from envtool.model import Environment
from envtool.prefix import state_file
from envtool.redaction import MASK, is_secret


def shown_variables(environment: Environment, *, reveal: bool = False) -> dict[str, str]:
    """Return the variables that activation sets; values that look secret are masked unless ``reveal``."""
    return {
        name: MASK if is_secret(name, value) and not reveal else value
        for name, value in state_file.in_force(environment.prefix).items()
    }
