"""pip: its settings in force, from every file in pip's own precedence and from the ``PIP_*`` variables.

The rules are those of pip 26 (``pip/_internal/configuration.py`` and ``cli/parser.py``).
"""

import configparser
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from envtool.clients.protocol import SiteMatcher
from envtool.encoding import decode_with_form
from envtool.errors import EnvtoolError, ExitCode
from envtool.files import SETTINGS_LIMIT, read_file
from envtool.http.settings import HttpSettings
from envtool.i18n import tr
from envtool.model import PipSources
from envtool.paths import Host

Kind = Literal["global", "user", "site", "env"]

# Options that change what is installed and that uv does not know: with one of these set, pip itself installs. Options
# for the place (user, target, prefix, ...) are ignored: packages go into the environment that was named.
_ONLY_PIP = (
    "pre",
    "no-binary",
    "only-binary",
    "prefer-binary",
    "require-hashes",
    "no-deps",
    "no-build-isolation",
    "build-constraint",
    "requirement",
    "config-settings",
    "global-option",
    "use-deprecated",
    "keyring-provider",
    "ignore-requires-python",
)
_FALSE = ("", "0", "n", "no", "f", "false", "off")


@dataclass(frozen=True)
class PipLayer:
    """One place that sets pip's settings: a file, or the ``PIP_*`` variables (``path`` None).

    ``values`` maps ``section.option`` (``global.index-url``, ``install.trusted-host``, ``:env:.index-url``) to text.
    """

    source: str
    path: Path | None
    values: Mapping[str, str]


@dataclass(frozen=True)
class PipSetting:
    """The value of one option that wins, and where it is written."""

    value: str
    source: str
    key: str


def config_files(host: Host, prefix: Path | None = None) -> tuple[tuple[Kind, Path], ...]:
    """Return every place where pip looks for settings, lowest precedence first, existing or not.

    ``prefix`` is the environment whose pip it is; its own file is the ``site`` one.
    """
    own = host.environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return ()
    places: list[tuple[Kind, Path]] = [("global", path) for path in _global_files(host)]
    if not (own and Path(own).exists()):  # such a file stands in for the user's
        places += [("user", path) for path in user_files(host)]
    if prefix:
        places.append(("site", prefix / _basename(host)))
    if own:
        places.append(("env", Path(own).absolute()))
    return tuple(places)


def user_files(host: Host) -> tuple[Path, Path]:
    """Return the user's file at its legacy and at its present place; pip reads both, and the second one wins."""
    name = _basename(host)
    if host.system == "Windows":
        roaming = Path(host.environ.get("APPDATA") or host.home / "AppData/Roaming")
        return host.home / "pip" / name, roaming / "pip" / name
    legacy = host.home / ".pip" / name
    if host.system == "Darwin":
        library = host.home / "Library/Application Support/pip"
        if library.is_dir():
            return legacy, library / name
        return legacy, host.home / ".config/pip" / name
    xdg = host.environ.get("XDG_CONFIG_HOME", "").strip()
    return legacy, (Path(xdg) if xdg else host.home / ".config") / "pip" / name


def _global_files(host: Host) -> Iterator[Path]:
    name = _basename(host)
    if host.system == "Windows":
        yield Path(host.environ.get("PROGRAMDATA") or "C:/ProgramData") / "pip" / name
    elif host.system == "Darwin":
        yield Path("/Library/Application Support/pip") / name
    else:
        folders = host.environ.get("XDG_CONFIG_DIRS", "").strip() or "/etc/xdg"
        yield from (Path(folder) / "pip" / name for folder in folders.split(":") if folder)
        yield Path("/etc") / name


def _basename(host: Host) -> str:
    return "pip.ini" if host.system == "Windows" else "pip.conf"


def layers(host: Host, prefix: Path | None = None) -> tuple[PipLayer, ...]:
    """Return every layer of settings, lowest precedence first. Raises EnvtoolError on a broken file."""
    read = [read_layer(path) for _, path in config_files(host, prefix) if path.is_file()]
    variables = {
        f":env:.{_option(name[4:])}": value
        for name, value in host.environ.items()
        if name.startswith("PIP_") and name not in ("PIP_CONFIG_FILE", "PIP_VERSION", "PIP_HELP")
    }
    return (*read, PipLayer("PIP_*", None, variables)) if variables else tuple(read)


def read_layer(path: Path) -> PipLayer:
    """Return the settings of one file. Raises EnvtoolError (BAD_INPUT) with file and line."""
    try:
        text, _ = decode_with_form(read_file(path, limit=SETTINGS_LIMIT))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _broken(path, tr("the text is neither UTF-8 nor UTF-16"), line) from None
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from None
    return PipLayer(str(path), path, parse(text, path))


def parse(text: str, path: Path) -> dict[str, str]:
    """Return ``section.option`` -> value of a file's text, as pip's own parser reads it."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, str(path))
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [(None, "")])[0][0]
        reason = str(error).splitlines()[0].partition(": ")[2] or str(error).splitlines()[0]
        reason = reason.rstrip(".")
        raise _broken(path, reason, line) from None
    return {
        f"{section}.{_option(name)}": value or ""
        for section in parser.sections()
        for name, value in parser.items(section)
    }


def _option(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _broken(path: Path, reason: str, line: int | None = None) -> EnvtoolError:
    return EnvtoolError(
        tr(
            "pip's configuration file {path} cannot be read: line {line}: {reason}.",
            path=path,
            line=line,
            reason=reason,
        )
        if line
        else tr("pip's configuration file {path} cannot be read: {reason}.", path=path, reason=reason),
        hint=tr("Correct or remove it: pip cannot read it either."),
        code=ExitCode.BAD_INPUT,
    )


def settings(stack: Sequence[PipLayer], command: str = "install") -> dict[str, PipSetting]:
    """Return option -> winning setting for one command.

    A later file wins over an earlier one, ``[install]`` over ``[global]``, the variables over both.
    """
    by_key: dict[str, PipSetting] = {}
    for layer in stack:
        for key, value in layer.values.items():
            source = layer.source if layer.path else "PIP_" + key.rpartition(".")[2].replace("-", "_").upper()
            by_key[key] = PipSetting(value, source, key)
    merged: dict[str, PipSetting] = {}
    for section in ("global", command, ":env:"):
        for key, setting in by_key.items():
            # pip treats an empty value as unset, although it has replaced a lower file's value by then
            if key.startswith(section + ".") and setting.value:
                merged[key[len(section) + 1 :]] = setting
    return merged


def in_force(host: Host, *, prefix: Path | None = None) -> PipSources:
    """Return where pip would install from in an environment. Raises EnvtoolError on a broken file."""
    merged = settings(layers(host, prefix))
    text = {option: setting.value.strip() for option, setting in merged.items()}
    return PipSources(
        index=text.get("index-url") or text.get("pypi-url"),
        extra_indexes=tuple(text.get("extra-index-url", "").split()),
        find_links=tuple(_location(link, host) for link in text.get("find-links", "").split()),
        no_index=_true(text.get("no-index", "")),
        # many files have a whole URL here: pip does not take it for a host and trusts nothing, and neither do we
        trusted_hosts=tuple(item for item in text.get("trusted-host", "").split() if "://" not in item),
        certificate=_certificate(text, host),
        client_certificate=_location(text.get("client-cert", ""), host),
        proxy=text.get("proxy", ""),
        timeout=_seconds(text.get("timeout") or text.get("default-timeout") or ""),
        constraints=tuple(_location(item, host) for item in text.get("constraint", "").split()),
        prefer_pip=_why_pip(merged),
    )


def http_settings(sources: PipSources) -> HttpSettings:
    """Return how pip reaches the network. A proxy of its own settings hides those of the environment from it."""
    return HttpSettings(
        proxies={"http": sources.proxy, "https": sources.proxy} if sources.proxy else {},
        uses_environment=not sources.proxy,
        certificate=sources.certificate,
        client_certificate=sources.client_certificate,
        trusted_hosts=sources.trusted_hosts,
        timeout=sources.timeout,
    )


def own_index(host: Host, sites: SiteMatcher) -> str:
    """Return pip's index where it is the user's own, else ""."""
    index = in_force(host).index
    return index if index and sites.match(index) is None else ""


def _certificate(text: Mapping[str, str], host: Host) -> str:
    # the last two are variables of the HTTP library, which pip obeys and uv does not
    found = text.get("cert") or host.environ.get("REQUESTS_CA_BUNDLE") or host.environ.get("CURL_CA_BUNDLE")
    return _location(found or "", host)


def _location(text: str, host: Host) -> str:
    """Return a folder, file or URL that means the same in any working directory; pip starts from the current one."""
    if not text or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", text):
        return text
    if text.startswith("~"):
        return str(host.home / text[2:]) if text[1:2] in ("", "/", "\\") else text
    return str(Path(text).absolute())


def _true(text: str) -> bool:
    return text.lower() not in _FALSE


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _why_pip(merged: Mapping[str, PipSetting]) -> str:
    for option in _ONLY_PIP:
        setting = merged.get(option)
        if setting and _true(setting.value.strip()):
            return tr(
                "pip's setting `{option}` ({source}) has no counterpart in uv", option=option, source=setting.source
            )
    return ""
