"""What an environment is: find, read, compare. Nothing here writes outside envtool's cache or starts a program."""
