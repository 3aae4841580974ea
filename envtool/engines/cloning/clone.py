"""A whole environment made a second time, from its files alone: nothing is solved, nothing is fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.engines.cloning import manifests as books
from envtool.engines.cloning.copying import Copied, Copier
from envtool.engines.cloning.file_tree import Survey, survey
from envtool.engines.cloning.manifests import Ledger
from envtool.engines.cloning.relocation import Relocation
from envtool.engines.cloning.rewriting import Rewriter
from envtool.i18n import tr
from envtool.prefix.marks import OWN
from envtool.reporter import Reporter

# What is true of one environment alone: envtool's marks, and when conda made it.
_PASSED_OVER = frozenset({f"{OWN}/environment.json", f"{OWN}/unfinished.json", "conda-meta/created_at"})
# What venvs consist of besides packages, and what Python and pip leave behind.
_MACHINERY = (
    *("conda-meta/", f"{OWN}/", "pyvenv.cfg", ".gitignore", ".lock", "CACHEDIR.TAG"),
    *("bin/activate", "bin/Activate", "bin/deactivate", "bin/pydoc.bat", "bin/python"),
)
_LITTER = (".pyc", ".egg-link", "/easy-install.pth", "/_virtualenv.py", "/_virtualenv.pth")


@dataclass(frozen=True)
class Original:
    """An environment about to be cloned: its files, its books, the folders that do not come along."""

    prefix: Path
    ledger: Ledger
    survey: Survey
    left_behind: tuple[str, ...] = ()

    @property
    def own_files(self) -> list[str]:
        """The files that no package lists: the user's own, or made at run time."""
        listed = self.ledger.owned.union(books.owned_by_pip(self.prefix, self.survey.files))
        unlisted = (file for file in self.survey.files if file not in listed)
        return sorted(file for file in unlisted if not file.startswith(_MACHINERY) and not file.endswith(_LITTER))


def look(prefix: Path, *, without: str = "", left_behind: Sequence[str] = ()) -> Original:
    """Return what there is to be cloned, without a package and all that need it, and without some folders."""
    ledger = books.read(prefix, without=without)
    found = survey(prefix, _PASSED_OVER.union(left_behind, ledger.left_out))
    return Original(prefix, ledger, found, tuple(left_behind))


def clone(original: Original, stage: Path, final: Path, reporter: Reporter) -> Copied:
    """Make the clone in ``stage``, an empty folder, as it has to be at ``final``.

    Raises OSError, and EnvtoolError where a binary has no room for the new path.
    """
    relocation = Relocation(original.prefix, final, original.left_behind)
    rewriter = Rewriter(relocation, original.ledger)
    copier = Copier(original.prefix, stage, rewriter, relocation)
    files = original.survey.files
    with reporter.bar(tr("Copying"), total=len(files), unit="files") as bar:
        copied = copier.copy(original.survey, lambda done: bar.update(done, len(files)))
    for file, content in books.amended(files, lambda file: (stage / file).read_bytes(), copied.rewritten):
        _replace(stage / file, content)
    copier.protect(original.survey.folders, ("", OWN, "conda-meta"))
    diary = stage / "conda-meta" / "history"
    if diary.exists():
        diary.chmod(diary.stat().st_mode | 0o600)  # whose clone it is goes on writing it
    for warning in rewriter.warnings():
        reporter.warn(warning)
    for file in original.survey.odd:
        reporter.warn(tr("{file} is neither a file nor a link; it was left out.", file=file))
    return copied


def _replace(path: Path, content: bytes) -> None:
    """Give a file new content, also where it is write-protected."""
    mode = path.stat().st_mode & 0o7777
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)
