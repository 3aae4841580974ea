"""What stands above the files of a scope and would hide what is written there: variables, and files of higher rank."""

from collections.abc import Iterator, Sequence

from envtool.clients import pip
from envtool.clients.client import Scope
from envtool.clients.conda import condarc
from envtool.i18n import tr
from envtool.operations.context import Context

_CONDA = ("default_channels", "channel_alias", "custom_channels", "custom_multichannels")
_UV = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE", "UV_NO_CONFIG")


def find(context: Context, clients: Sequence[str], scope: Scope) -> tuple[str, ...]:
    """Return a sentence for everything that would hide, or mix with, a setting written in the files of a scope."""
    said: list[str] = []
    if "conda" in clients:
        said += _conda(context, scope)
    if "pip" in clients:
        said += _pip(context, scope)
    if "uv" in clients:
        said += [_beaten(name) for name in _UV if context.host.environ.get(name)]
    return tuple(said)


def _conda(context: Context, scope: Scope) -> Iterator[str]:
    active, root = context.active, context.root
    prefix = scope.prefix or active
    for layer in condarc.layers(context.host, root, prefix):
        keys = [key for key in _CONDA if layer.values.get(key)]
        if layer.path is None:
            yield from (_beaten(f"CONDA_{key.upper()}") for key in keys)
        elif keys and scope.kind == "user" and prefix and layer.path.parent == prefix and prefix != root:
            yield _file(layer.source)
        elif "default_channels" in keys and scope.kind == "user" and root and layer.path.is_relative_to(root):
            yield tr("{path} names default_channels, too: conda reads both.", path=layer.path)


def _pip(context: Context, scope: Scope) -> Iterator[str]:
    if context.host.environ.get("PIP_CONFIG_FILE"):
        yield _beaten("PIP_CONFIG_FILE")
    if context.host.environ.get("PIP_INDEX_URL"):
        yield _beaten("PIP_INDEX_URL")
    active = context.active
    if scope.kind == "user" and active:
        for kind, path in pip.config_files(context.host, active):
            if (
                kind == "site"
                and path.is_file()
                and any(key.endswith(".index-url") for key in pip.read_layer(path).values)
            ):
                yield _file(str(path))


def _beaten(variable: str) -> str:
    return tr("{variable} is set in this shell and beats every file: unset it.", variable=variable)


def _file(path: str) -> str:
    return tr("The active environment's own {path} beats this one.", path=path)
