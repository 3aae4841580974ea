"""Tests of the registry: the checks are complete, listed without importing torch, and selected by pattern."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from envtool import smoke
from envtool.smoke.registry import SUITES, all_checks, select

BUNDLE = Path(smoke.__file__).parent
FAMILIES = {
    "losses", "optimizers", "max pooling", "average pooling", "LP pooling", "fractional pooling", "adaptive pooling",
    "unpooling", "batch normalization", "group normalization", "instance normalization", "layer normalization",
    "dropout", "autoencoder", "VAE", "GAN", "NumPy", "Pandas", "OpenCV", "Matplotlib",
}  # fmt: skip


def test_every_family_has_checks_in_the_quick_suite() -> None:
    assert {check.family for check in all_checks()} >= FAMILIES
    quick = select(all_checks(), suite="quick", device="cpu")
    assert {check.family for check in quick} >= FAMILIES


def test_listing_checks_does_not_import_torch() -> None:
    program = "import sys; from envtool.smoke.registry import all_checks; all_checks(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_ids_are_unique_and_every_check_has_a_title() -> None:
    checks = all_checks()
    assert len({check.id for check in checks}) == len(checks)
    for check in checks:
        assert check.title, check.id
        assert check.suite in SUITES
        assert check.limit < 400  # less than the silence after which the parent stops the bundle


SOME = {"pool.max", "pool.average", "pool.lp", "pool.fractional", "pool.adaptive", "unpool.max", "loss.ctc"}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("pool.max", {"pool.max"}),
        ("pool", {"pool.max", "pool.average", "pool.lp", "pool.fractional", "pool.adaptive"}),
        ("poo", set()),
        ("*.max", {"pool.max", "unpool.max"}),
        ("loss.ctc", {"loss.ctc"}),  # not in the quick suite, but selected by pattern
    ],
)
def test_patterns(pattern: str, found: set[str]) -> None:
    selected = {check.id for check in select(all_checks(), suite="quick", only=(pattern,), device="cpu")}
    assert selected & SOME == found


def test_probes_run_first_and_gpu_checks_only_on_gpus() -> None:
    gpu = [check.id for check in select(all_checks(), device="gpu")]
    assert gpu[:3] == ["probe.import", "probe.architecture", "probe.native"]
    assert not {c.id for c in select(all_checks(), device="cpu")} & {"probe.architecture", "probe.tf32"}


def test_the_bundle_imports_nothing_of_envtool_and_runs_on_old_pythons() -> None:
    for path in BUNDLE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert not str(node.module).startswith("envtool."), path
            if isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "envtool" for alias in node.names), path
