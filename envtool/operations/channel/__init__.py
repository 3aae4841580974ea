"""The verbs of ``envtool channel``."""
