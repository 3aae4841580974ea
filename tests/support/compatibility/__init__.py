"""Snapshots of what scripts rely on, taken from any envtool: its options, its help and its envelopes.

``python -m support.compatibility PROGRAM`` (in the folder ``tests``) writes it down for ``cli/test_compatibility.py``.
"""

from pathlib import Path

DATA = Path(__file__).parents[2] / "cli" / "compatibility"
