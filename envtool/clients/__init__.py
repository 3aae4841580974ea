"""The programs whose settings envtool reads and edits: one file or folder per client, registered here once."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envtool.clients.protocol import Client

CLIENTS = {"conda": "conda.client", "pip": "pip.client", "uv": "uv.client", "mamba": "mamba", "pixi": "pixi"}
"""The clients by name, and the module that defines each as CLIENT. A new client is a file here and an entry above."""


def client(name: str) -> "Client":
    """Return a registered client. Loads its module alone."""
    found: Client = import_module(f"envtool.clients.{CLIENTS[name]}").CLIENT
    return found
