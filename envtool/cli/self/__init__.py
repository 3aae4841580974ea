"""``envtool self``: envtool's own installation."""

COMMANDS = {
    "update": "Update envtool itself, the way it was installed.",
    "uninstall": "Remove envtool itself; the environments stay.",
}
