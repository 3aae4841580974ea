"""One environment, as a value. Apart from the rest of the model, which ``envtool run`` has no use for."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["conda", "venv"]

MARKERS = (
    "VIRTUAL_ENV",
    "VIRTUAL_ENV_PROMPT",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "CONDA_SHLVL",
    "CONDA_PROMPT_MODIFIER",
)
"""The variables that tell programs which environment is active."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_variable_name(text: str) -> bool:
    """Return whether every shell can carry a variable of that name."""
    return bool(_VARIABLE.fullmatch(text))


def set_by_activation(name: str) -> bool:
    """Return whether activation itself sets a variable, so that an environment cannot store it."""
    return name in ("PATH", "PYTHONHOME", *MARKERS)


class Worker(NamedTuple):
    """The envtool that is at work in an environment: its process, and its command line without the word envtool."""

    pid: int
    command: str


@dataclass(frozen=True)
class Environment:
    """A prefix on disk and the name it goes by (``""`` where it has none, ``base`` for an installation's root)."""

    name: str
    prefix: Path
    kind: Kind
    engine: str = ""  # who made it, as envtool recorded it; "" where envtool did not
    unfinished: bool = False
    newer_file: Path | None = None  # one of envtool's own in it that a newer envtool wrote: it is left alone then
    worker: Worker | None = None  # who is at work in it now: what is unfinished then was not interrupted

    @property
    def was_interrupted(self) -> bool:
        """Whether a command was cut off in it, and nobody is at work."""
        return self.unfinished and self.worker is None

    @property
    def title(self) -> str:
        """What the environment is called where it must be called something: its name, else its path."""
        return self.name or str(self.prefix)

    @property
    def word(self) -> str:
        """Its title as one word of a command line that can be pasted."""
        import shlex

        return shlex.quote(self.title)

    @property
    def option(self) -> tuple[str, str]:
        """The words that name it in a command line: ``-n NAME``, or ``-p PATH`` where it has no name."""
        return ("-n", self.name) if self.name else ("-p", str(self.prefix))
