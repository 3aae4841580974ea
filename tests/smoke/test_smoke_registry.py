"""The list of checks: read without torch, complete, and chosen from as the user says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from envtool import smoke
from envtool.smoke.registry import SUITES, catalogue, choose

BUNDLE = Path(smoke.__file__).parent
FAMILIES = {
    "losses", "optimizers", "max pooling", "average pooling", "LP pooling", "fractional pooling", "adaptive pooling",
    "unpooling", "batch normalization", "group normalization", "instance normalization", "layer normalization",
    "dropout", "autoencoder", "VAE", "GAN", "NumPy", "Pandas", "OpenCV", "Matplotlib",
}  # fmt: skip


def test_every_family_is_there_also_in_the_quick_suite() -> None:
    assert {check.family for check in catalogue()} >= FAMILIES
    quick = choose(catalogue(), suite="quick", device="cpu")
    assert {check.family for check in quick} >= FAMILIES


def test_the_list_is_read_without_torch() -> None:
    program = "import sys; from envtool.smoke.registry import catalogue; catalogue(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_checks_are_told_apart_and_described() -> None:
    checks = catalogue()
    assert len({check.id for check in checks}) == len(checks)
    for check in checks:
        assert check.title, check.id
        assert check.suite in SUITES
        assert check.limit < 400  # the parent's patience


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("pool.max", {"pool.max"}),
        ("pool", {"pool.max", "pool.average", "pool.lp", "pool.fractional", "pool.adaptive"}),
        ("poo", set()),
        ("*.max", {"pool.max", "unpool.max"}),
        ("loss.ctc", {"loss.ctc"}),  # not quick, but asked for
    ],
)
def test_patterns(pattern: str, found: set[str]) -> None:
    assert {c.id for c in choose(catalogue(), suite="quick", only=(pattern,), device="cpu")} == found


def test_probes_come_first_and_gpu_checks_stay_off_the_cpu() -> None:
    gpu = [check.id for check in choose(catalogue(), device="gpu")]
    assert gpu[:3] == ["probe.import", "probe.architecture", "probe.native"]
    assert not {c.id for c in choose(catalogue(), device="cpu")} & {"probe.architecture", "probe.tf32"}


def test_the_bundle_imports_nothing_of_envtool_and_runs_on_old_pythons() -> None:
    for path in BUNDLE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert not str(node.module).startswith("envtool."), path
            if isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "envtool" for alias in node.names), path
