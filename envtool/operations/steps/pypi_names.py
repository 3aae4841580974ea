"""conda packages that are the same thing on the pip index, and how a request for one is written there.

Only names known to mean the same project and to work as a wheel alone: ``ffmpeg`` is a program on the one and an
unrelated module on the other, so it is not here.
"""

import difflib
import re

from envtool.specs import match_spec

_SAME = frozenset(
    "albumentations black click cython einops flask h5py imageio ipykernel ipython jinja2 joblib jupyterlab kornia"
    " lightgbm lightning matplotlib mypy networkx notebook numba numpy packaging pandas pillow plotly psutil pyarrow"
    " pydantic pytest pyyaml requests rich scikit-image scikit-learn scipy seaborn six sympy tensorboard tqdm"
    " transformers typer xgboost zstandard".split()
)
_RENAMED = {
    "pytorch": "torch",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "pytables": "tables",
    "pycocotools": "pycocotools",
    "timm": "timm",
}


def requirement(spec: str) -> str | None:
    """Return a conda match spec as a pip requirement, or None where that is not known to be the same thing."""
    channel, name, rest = match_spec.split(spec)
    distribution = _RENAMED.get(name) or (name if name in _SAME else None)
    if distribution is None or channel or "[" in rest:
        return None
    version = _version(rest)
    return None if version is None else distribution + version


def meant(name: str) -> tuple[str, ...]:
    """Return the names on the pip index that may be meant by one that is not there: conda's name, a typing error."""
    if name in _RENAMED:
        return (_RENAMED[name],)
    return tuple(difflib.get_close_matches(name, [*_SAME, *_RENAMED.values()], 2))


def in_a_venv(word: str) -> str | None:
    """Return what a user names beside ``create`` or ``install`` as a line for pip, where there is no conda half.

    pip's own forms stay as they are. None for ``python`` and ``pip``, and for what only conda understands.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    channel, name, rest = match_spec.split(word)
    if name in ("python", "pip"):
        return None
    if name in _RENAMED and not channel:
        version = _version(rest)
        return None if "[" in rest or version is None else _RENAMED[name] + version
    if "/" in word or word.endswith(".whl"):
        return word
    try:
        Requirement(word)
    except InvalidRequirement:
        version = None if channel or "[" in rest else _version(rest)
        return None if version is None else name + version
    return word


def _version(rest: str) -> str | None:
    """Return conda's version part in pip's words; a build string has none."""
    if not rest:
        return ""
    if re.match(r"^[<>!~=]=|^[<>]", rest):
        return rest.replace(" ", "") if rest.count("=") < 3 or "," in rest else None
    version = rest.lstrip("= ")
    if "=" in version or " " in version or "|" in version:
        return None
    return f"=={version}" if version.endswith("*") or version.count(".") >= 2 else f"=={version}.*"
