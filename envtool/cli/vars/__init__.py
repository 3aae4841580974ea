"""``envtool vars``: the variables stored in an environment."""

COMMANDS = {
    "show": "Show the variables that an environment sets while it is active.",
    "set": "Store variables in an environment.",
    "unset": "Remove variables from an environment.",
}
DEFAULT = "show"
