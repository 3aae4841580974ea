"""The verbs of ``envtool mirror``."""
