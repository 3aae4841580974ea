"""One file per program whose configuration we read and edit: what is in force and why, its text changed in place."""
