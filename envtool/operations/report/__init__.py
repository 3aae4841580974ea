"""The report of a verification: its page and its figures."""
