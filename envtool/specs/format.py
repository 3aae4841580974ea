"""A file format: what each format's file says about itself when it is registered."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from envtool.model import Archive, Package, Reading, Spec


class Exportable(Protocol):
    """An environment as writers see it.

    Each part is put together when a writer asks for it; what cannot be expressed in it is reported then. Raises
    EnvtoolError where the environment has no such part.
    """

    @property
    def spec(self) -> Spec:
        """Both halves with channels, indexes and variables: enough to create the environment again elsewhere."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """Every Python package as a line for pip, after the lines for the indexes that have them."""

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages of both halves, by name."""

    @property
    def archives(self) -> tuple[Archive, ...]:
        """The conda packages as archives, each after those it depends on."""

    @property
    def python(self) -> str:
        """The version of Python (``3.12.4``), "" without one."""

    @property
    def subdir(self) -> str:
        """The platform (``linux-64``)."""


@dataclass(frozen=True)
class Format:
    """A registered format: every format's file defines one as ``FORMAT``.

    - ``recognises``: returns whether a text, of a file of this name, is in the format. The name alone decides nothing
      here: it counts where no format recognises the text.
    - ``read``: returns what a text asks for. Paths in it start from the folder given, if any. Raises EnvtoolError
      (BAD_INPUT) with the line.
    - ``write``: returns an environment as text; None where the format is only read.
    - ``files``: patterns of the file names that announce the format.
    - ``from_its_folder``: whether projects in its lines for pip are looked for from the file's folder, as conda does,
      and not from the current one, as pip does.
    """

    name: str
    recognises: Callable[[str, str], bool]
    read: Callable[[str, str, Path | None], Reading]
    write: Callable[[Exportable], str] | None = None
    files: tuple[str, ...] = ()
    from_its_folder: bool = False
