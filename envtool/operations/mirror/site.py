"""A site as far as it was listed or has answered: what may be written of it, and for which clients."""

from collections.abc import Sequence
from dataclasses import dataclass

from envtool.clients import client
from envtool.clients.protocol import Endpoints
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr
from envtool.mirrors import endpoints
from envtool.mirrors.catalogue import Catalogue, Mirror
from envtool.redaction import redact


@dataclass(frozen=True)
class Site:
    """A mirror as far as it was listed or has answered, notes on that, and whether only some clients are meant.

    ``purposes`` are the kinds of client that it was named for; empty for all.
    """

    endpoints: Endpoints
    notes: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()

    @classmethod
    def of_mirror(cls, catalogue: Catalogue, mirror: Mirror) -> "Site":
        """Return a mirror as the list has it."""
        return cls(endpoints.of_mirror(catalogue, mirror))

    def served(self, clients: Sequence[str]) -> tuple[str, ...]:
        """Return the clients that are meant. Raises EnvtoolError (USAGE) where none of them is."""
        found = tuple(name for name in clients if not self.purposes or client(name).tested_for in self.purposes)
        if not found:
            raise EnvtoolError(
                tr("{site} serves nothing for {clients}.", site=self.endpoints.mirror, clients=", ".join(clients)),
                hint=tr("It serves: {purposes}.", purposes=", ".join(self.purposes)),
                code=ExitCode.USAGE,
            )
        return found


def is_torch(url: str, mirror: str) -> EnvtoolError:
    """Return the error for an address that serves PyTorch wheels only."""
    return EnvtoolError(
        tr("{url} serves PyTorch wheels only: pip and conda would find nothing else there.", url=redact(url)),
        hint=tr("Use it for PyTorch: envtool mirror set {mirror} --torch", mirror=mirror),
        code=ExitCode.USAGE,
    )
