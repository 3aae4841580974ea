"""The HTML report of a verification."""
