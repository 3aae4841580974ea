"""pip packages as requirement lines that mean the same on another machine, with a warning where they cannot."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from envtool.i18n import tr
from envtool.model import Package
from envtool.operations.context import Context
from envtool.prefix.site_packages import SETUP_PY
from envtool.reporter import Reporter

# Published on PyTorch's own index, one index a build, with versions such as 2.6.0+cu124.
TORCH_FAMILY = frozenset(
    {"torch", "torchvision", "torchaudio", "torchtext", "torchao", "torchrec", "fbgemm-gpu", "xformers"}
)
_BUILD = re.compile(r"cu\d+|cpu|rocm\d[\d.]*|xpu")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def index_lines(context: Context, packages: Iterable[Package]) -> list[str]:
    """Return the index options without which pip would not find these versions: no default index has ``+cu124``."""
    lines = set()
    for package in packages:
        build = package.version.partition("+")[2]
        if package.name in TORCH_FAMILY and _BUILD.fullmatch(build):
            lines.add(f"--extra-index-url {context.catalogue.torch}/{build}")
        elif build and package.origin is None:
            context.reporter.warn(
                tr(
                    "{name} {version} is a local version, which the default index does not have: add the index or"
                    " folder that it came from to the file.",
                    name=package.name,
                    version=package.version,
                )
            )
    return sorted(lines)


def requirement_lines(packages: Iterable[Package], reporter: Reporter) -> list[str]:
    """Return one requirement line a package, by name. Warns of folders and files on this machine."""
    return [_line(package, reporter) for package in sorted(packages, key=lambda package: package.name)]


def without_tools(packages: Sequence[Package], python: str) -> list[Package]:
    """Return the packages without pip itself, and without setuptools and wheel where only the tools brought them."""
    needed = {_required(depend) for package in packages for depend in package.depends}
    # venv installs both with every Python up to 3.11, as if they had been requested; conda brings them with pip.
    asked = {p.name for p in packages if p.requested and p.manager == "pip"} if _release(python) >= (3, 12) else set()
    unused = {"setuptools", "wheel"} - needed - asked
    return [package for package in packages if package.name not in {"pip", *unused}]


def _release(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split(".")[:2] if part.isdigit())


def _required(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match[0].lower() if match else ""


def exact_line(package: Package) -> str:
    """Return the requirements line that installs exactly this pip package."""
    origin = package.origin
    if origin is None:
        return f"{package.name}=={package.version}"
    if origin.kind == "editable":
        # as a URL: pip and uv read spaces in a plain path differently
        return f"-e {origin.url}"
    address = f"{origin.vcs}+{origin.url}@{origin.commit}" if origin.kind == "vcs" else origin.url
    return f"{package.name} @ {address}" + (f"#subdirectory={origin.subdirectory}" if origin.subdirectory else "")


def _line(package: Package, reporter: Reporter) -> str:
    origin = package.origin
    if package.installer == SETUP_PY:
        reporter.warn(
            tr(
                "{name} is an egg, which does not say where it came from: the file takes version {version} from the"
                " index.",
                name=package.name,
                version=package.version,
            )
        )
    if origin is None or not origin.url.startswith("file:"):
        return exact_line(package)
    folder = Path(unquote(urlsplit(origin.url).path))
    if origin.kind == "editable":
        return _editable(package, folder, reporter)
    reporter.warn(
        tr(
            "{name} was installed from {folder}, which other machines do not have: the file takes version {version}"
            " from the index instead.",
            name=package.name,
            folder=folder,
            version=package.version,
        )
    )
    return f"{package.name}=={package.version}"


def _editable(package: Package, folder: Path, reporter: Reporter) -> str:
    from envtool.environments import checkout

    if found := checkout.of(folder):
        reporter.warn(
            tr(
                "{name} is installed from {folder}: the file names its git remote and commit {commit}. Anything not"
                " pushed there is left out.",
                name=package.name,
                folder=folder,
                commit=found.commit[:12],
            )
        )
        below = f"&subdirectory={found.subdirectory}" if found.subdirectory else ""
        return f"-e git+{found.url}@{found.commit}#egg={package.name}{below}"
    reporter.warn(
        tr(
            "{name} is installed from {folder}, which has no git remote: the file works on this machine only.",
            name=package.name,
            folder=folder,
        )
    )
    # pip and uv read spaces and quotes in a path differently: a URL means the same to both.
    return f"-e {folder.as_uri() if quote(str(folder)) != str(folder) else folder}"
