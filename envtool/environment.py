"""What an environment is to envtool. Apart from the rest of the model, which ``envtool run`` has no use for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["conda", "venv"]


@dataclass(frozen=True)
class Environment:
    """A prefix on disk and the name it goes by (``""`` where it has none, ``base`` for an installation's root)."""

    name: str
    prefix: Path
    kind: Kind
    engine: str = ""  # who made it, as envtool recorded it; "" where envtool did not
    unfinished: bool = False
    newer_file: Path | None = None  # one of envtool's own in it that a newer envtool wrote: it is left alone then

    @property
    def title(self) -> str:
        """What the environment is called where it must be called something: its name, else its path."""
        return self.name or str(self.prefix)
