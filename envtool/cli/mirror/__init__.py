"""``envtool mirror``: list, show and test mirrors, and switch between them."""

COMMANDS = {
    "list": "List the mirrors: what each serves, its state, and the date of that information.",
    "show": "Show the settings in force for every client, and where they come from.",
    "test": "Test the mirrors in parallel; the best is listed first.",
    "set": "Switch conda, pip and other clients to a mirror.",
    "unset": "Remove the lines of all mirrors from the settings.",
    "undo": "Undo the last switch.",
    "add": "Add a mirror of your own to the list.",
    "remove": "Remove a mirror of your own from the list.",
    "run": "Run a command with a mirror, without changing any settings.",
}
