"""Cloning and renaming of environments: their files copied or moved, and the paths in them rewritten."""
