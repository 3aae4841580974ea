"""Verbs about envtool's own installation."""
