"""Verbs of the command line, one file each: its plan, its lock, the order of the halves, its undo."""
