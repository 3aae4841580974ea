"""Match specs taken apart: one answer, whichever of conda's forms a spec has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool.specs.match_spec import name, split


@pytest.mark.parametrize(
    ("spec", "channel", "package", "rest", "version"),
    [
        ("numpy", "", "numpy", "", ""),
        ("NumPy=1.26", "", "numpy", "=1.26", "=1.26"),
        ("numpy==1.26.4", "", "numpy", "==1.26.4", "==1.26.4"),
        ("numpy >=1.21,<2", "", "numpy", ">=1.21,<2", ">=1.21,<2"),
        ("numpy 1.26.* py311*", "", "numpy", "1.26.* py311*", "1.26.* py311*"),
        ("numpy!=1.25", "", "numpy", "!=1.25", "!=1.25"),
        ("conda-forge::python=3.11", "conda-forge", "python", "=3.11", "=3.11"),
        ("Conda-Forge/linux-64::Python", "Conda-Forge/linux-64", "python", "", ""),
        ("https://me:pw@host/t/x/c::bzip2=1.0=h9", "https://me:pw@host/t/x/c", "bzip2", "=1.0=h9", "=1.0=h9"),
        ("::python", "", "python", "", ""),
        ("numpy[version='>=1.21,<2',build=py*]", "", "numpy", "[version='>=1.21,<2',build=py*]", ">=1.21,<2"),
        ('python[build="*_py", version="3.11.*"]', "", "python", '[build="*_py", version="3.11.*"]', "3.11.*"),
        ("python=3.11[build=x]", "", "python", "=3.11[build=x]", "=3.11"),
        ("pip[channel=https://a::b/c]", "https://a::b/c", "pip", "", ""),
        ("x[version='1', channel=\"c\", build=0]", "c", "x", "[version='1', build=0]", "1"),
        ("front::x[channel=c,version=1]", "front", "x", "[version=1]", "1"),
        ("six 1.16.*  # by the cluster", "", "six", "1.16.*", "1.16.*"),
        ("https://host/c/noarch/My-Pkg-1.0-h0.conda#0a1b", "https://host/c/noarch", "my-pkg", "=1.0=h0", "=1.0=h0"),
        ("_libgcc_mutex", "", "_libgcc_mutex", "", ""),
        ("", "", "", "", ""),
    ],
)  # fmt: skip
def test_the_parts_of_a_spec(spec: str, channel: str, package: str, rest: str, version: str) -> None:
    parts = split(spec)
    assert parts == (channel, package, rest)
    assert parts.version == version


_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,12}", fullmatch=True)
_RESTS = st.sampled_from(["", "=1.2", " >=1,<2", "==1.2=h0", "~=1.4", "!=1", " 1.2 h0", "[version='>1']", " # why"])


@given(package=_NAMES, rest=_RESTS, channel=st.sampled_from(["", "::", "c::", "https://h/a-b/c::", "c/linux-64::"]))
def test_the_name_is_found_whatever_is_around_it(package: str, rest: str, channel: str) -> None:
    assert name(f" {channel}{package}{rest} ") == package.lower()
