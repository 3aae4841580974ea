"""Clone an environment from its files, without solving or fetching anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from envtool.engines.cloning import manifests
from envtool.engines.cloning.copying import Copied, Copier
from envtool.engines.cloning.file_tree import FileTree, walk
from envtool.engines.cloning.manifests import CondaFiles
from envtool.engines.cloning.relocation import Relocation
from envtool.engines.cloning.rewriting import Rewriter
from envtool.files import read_file
from envtool.i18n import tr
from envtool.prefix.marks import OWN
from envtool.reporter import Reporter

# Files of a venv that belong to no package, and what Python and pip leave behind.
_MACHINERY = (
    *("conda-meta/", f"{OWN}/", "pyvenv.cfg", ".gitignore", ".lock", "CACHEDIR.TAG"),
    *("bin/activate", "bin/Activate", "bin/deactivate", "bin/pydoc.bat", "bin/python"),
)
_LITTER = (".pyc", ".egg-link", "/easy-install.pth", "/_virtualenv.py", "/_virtualenv.pth")


@dataclass(frozen=True)
class Original:
    """An environment to be cloned: its file tree, the files of its conda packages, folders that are not cloned."""

    prefix: Path
    conda_files: CondaFiles
    tree: FileTree
    left_out_folders: tuple[str, ...] = ()

    @property
    def own_files(self) -> list[str]:
        """The files that no package lists: the user's own, or created at run time."""
        listed = self.conda_files.owned.union(manifests.pip_files(self.prefix, self.tree.files))
        unlisted = (file for file in self.tree.files if file not in listed)
        return sorted(file for file in unlisted if not file.startswith(_MACHINERY) and not file.endswith(_LITTER))


def read_original(prefix: Path, *, without: str = "", without_folders: Sequence[str] = ()) -> Original:
    """Return the environment to be cloned, without a package and all that depend on it, and without some folders."""
    conda_files = manifests.conda_files(prefix, without=without)
    tree = walk(prefix, _about_one_environment(prefix).union(without_folders, conda_files.left_out))
    return Original(prefix, conda_files, tree, tuple(without_folders))


def _about_one_environment(prefix: Path) -> set[str]:
    """Return the files that are not cloned: most of envtool's own, conda's creation time, the frozen mark."""
    own = prefix / OWN
    ours = {entry.name for entry in own.iterdir()} if own.is_dir() else set()
    return {f"{OWN}/{name}" for name in ours - {"bootstrap.json"}} | {"conda-meta/created_at", "conda-meta/frozen"}


def clone(original: Original, stage: Path, final: Path, reporter: Reporter) -> Copied:
    """Write the clone, with the paths of ``final``, to ``stage``, an empty folder.

    Raises OSError, and EnvtoolError where a binary has no room for the new path.
    """
    relocation = Relocation(original.prefix, final, original.left_out_folders)
    rewriter = Rewriter(relocation, original.conda_files)
    copier = Copier(original.prefix, stage, rewriter, relocation)
    files = original.tree.files
    with reporter.bar(tr("Copying"), total=len(files), unit="files") as bar:
        copied = copier.copy(original.tree, lambda done: bar.update(done, len(files)))
    for file, content in manifests.updated(files, lambda file: read_file(stage / file), copied.rewritten):
        _replace(stage / file, content)
    copier.protect(original.tree.folders, ("", OWN, "conda-meta"))
    history = stage / "conda-meta" / "history"
    if history.exists():
        history.chmod(history.stat().st_mode | 0o600)  # the clone's owner will write to it
    for warning in rewriter.warnings():
        reporter.warn(warning)
    for file in original.tree.odd:
        reporter.warn(tr("{file} is neither a file nor a link and was not cloned.", file=file))
    return copied


def _replace(path: Path, content: bytes) -> None:
    """Replace the content of a file, even if it is write-protected."""
    mode = path.stat().st_mode & 0o7777
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)
