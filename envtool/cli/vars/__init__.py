"""``envtool vars``: the variables stored in an environment."""

from envtool.cli.vars import show  # noqa: F401
