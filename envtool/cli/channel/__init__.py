"""``envtool channel``: list conda's channels, and add, remove and move them."""

COMMANDS = {
    "list": "List conda's channels: where each is read, and the line that names it.",
    "add": "Add channels to conda's settings.",
    "remove": "Remove channels from conda's settings.",
    "move": "Change the priority of a channel.",
}
