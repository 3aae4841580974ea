"""Environments: find, read and compare them. Nothing here writes outside envtool's cache or starts a program."""
