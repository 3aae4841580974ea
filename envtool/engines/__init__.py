"""Engines: the programs that create and change environments, one file each, registered here."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.engines.protocol import EngineType

AUTO = "auto"  # the value of --engine for the first engine that works here
ENGINES = ("conda", "embedded", "venv")
"""The names of the engines in order of preference. A new engine is a file here that defines ENGINE."""


def engine_type(name: str) -> "EngineType":
    """Return a registered engine. Imports only its file."""
    found: EngineType = import_module(f"envtool.engines.{name}").ENGINE
    return found
