"""Cloning and renaming environments: copying or moving their files, and rewriting the paths in them."""
