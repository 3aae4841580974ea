"""How environments are made and changed: one file per engine, registered here once."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.engines.protocol import EngineType

AUTO = "auto"  # what --engine takes for "the first that works here"
ENGINES = ("conda", "embedded", "venv")
"""The engines by name, the preferred one first. A new engine is a file here that defines ENGINE, and its name above."""


def engine_type(name: str) -> "EngineType":
    """Return a registered engine. Loads its file alone."""
    found: EngineType = import_module(f"envtool.engines.{name}").ENGINE
    return found
