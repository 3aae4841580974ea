"""Tests that every check runs its GPU code path on fake devices without a misplaced tensor.

They prove placement, not numbers: see ``fake_cuda.py``.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envtool import smoke
from envtool.smoke.registry import all_checks, select

pytestmark = pytest.mark.torch
HERE, BUNDLE = Path(__file__).parent, Path(smoke.__file__).parent
TRAINED = (
    "optimizer.convergence",
    "optimizer.valley",
    "autoencoder",
    "vae.ppca",
    "vae.images",
    "gan.optimal_discriminator",
    "gan.ring",
    "gan.grid",
    "throughput.gemm",
    "throughput.training",
)  # these take minutes: 100,000 launches each, or sizes meant for GPUs


def _run_on_fake_gpus(python: Path, *names: str, bundle: Path = BUNDLE) -> list[dict[str, Any]]:
    argv = [str(python), "-B", str(HERE / "fake_cuda.py"), str(bundle), "full", *names]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    gpus, *rows = map(json.loads, done.stdout.splitlines())
    assert gpus == {"gpus": ["NVIDIA Fake"] * 2}
    return rows


def _failures(rows: list[dict[str, Any]]) -> list[str]:
    """Return failures and refused operations, including those whose error a check caught."""
    return [
        f"{r['check']}: {r['message']} {r.get('refused')}"
        for r in rows
        if r["verdict"] in {"fail", "error"} or r["refused"]
    ]


def _checks(trained: bool) -> list[str]:
    """Return the checks that use torch: those that train models, or the others."""
    return [
        check.id
        for check in select(all_checks(), device="gpu")
        if "torch" in check.needs and check.id.startswith(TRAINED) is trained
    ]


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A copy of the bundle that a test may edit."""
    return Path(shutil.copytree(BUNDLE, tmp_path / "smoke", ignore=shutil.ignore_patterns("__pycache__")))


def _edit(bundle: Path, name: str, old: str, new: str) -> None:
    text = (bundle / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} does not contain exactly one {old!r}"
    (bundle / name).write_text(text.replace(old, new), encoding="utf-8")


def test_no_check_misplaces_a_tensor(torch_python: Path) -> None:
    rows = _run_on_fake_gpus(torch_python, *_checks(trained=False))
    assert sorted(row["check"] for row in rows) == sorted(_checks(trained=False))
    assert _failures(rows) == []
    assert {"probe.streams", "probe.tf32", "layer.cudnn"} <= {row["check"] for row in rows if row["verdict"] == "pass"}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_check_that_trains_misplaces_a_tensor(torch_python: Path) -> None:
    rows = _run_on_fake_gpus(torch_python, *_checks(trained=True))
    assert sorted(row["check"] for row in rows) == sorted(_checks(trained=True))
    assert _failures(rows) == []


MISPLACED = (
    ("vae.reparametrization", "vae", "torch.randn(n, dtype=torch.float64, device=context.device)",
     "torch.randn(n, dtype=torch.float64)", "same device, but found cpu and cuda:0"),
    ("unpool.convolution", "unpooling", "unpool(x, corners.to(x.device))", "unpool(x, corners)", "same device"),
    ("numpy.torch", "numpy_", "tensor.to(context.device).cpu().numpy()",
     "tensor.to(context.device).numpy()", "to numpy"),
    ("probe.native", "probes", "torch.rand(100_000, device=context.device)",
     "torch.rand(100_000, device=context.device, generator=torch.Generator())", "Expected a 'cuda' generator"),
    ("probe.peers", "probes", 'copied.to("cuda:%d" % b), block)',
     'copied + copied.to("cuda:%d" % b), block)', "cuda:1"),
    ("probe.streams", "probes", "out = captured_input * 2 + 1",
     "out = captured_input * 2 + float(captured_input.sum())", "is capturing"),
    ("throughput.copy", "throughput", "    torch.cuda.synchronize()\n", "", "must be completed"),
    ("unpool.bad_index", "unpooling", ', isolate="always")', ")", "left with an assert"),
    ("optimizer.sparse_adam", "optimizers", "context.near(\"rows with a gradient\"",
     "context.raises(\"\", lambda: embedding.weight + start)\n    context.near(\"rows with a gradient\"",
     "same device"),
)  # fmt: skip


def test_misplaced_tensors_are_found(torch_python: Path, edited: Path) -> None:
    for _, name, old, new, _ in MISPLACED:
        _edit(edited, f"checks/{name}.py", old, new)
    rows = {row["check"]: row for row in _run_on_fake_gpus(torch_python, *(m[0] for m in MISPLACED), bundle=edited)}
    missed = [name for name, *_, message in MISPLACED if not any(message in line for line in rows[name]["refused"])]
    assert missed == []


def test_tf32_that_cudnn_flags_would_allow_is_found(torch_python: Path, edited: Path) -> None:
    _edit(edited, "checks/layers.py", "else without_cudnn():", "else torch.backends.cudnn.flags(enabled=False):")
    _edit(edited, "checks/layers.py", "with nullcontext() if", "with torch.backends.cudnn.flags(enabled=True) if")
    (row,) = _run_on_fake_gpus(torch_python, "layer.cudnn", bundle=edited)
    assert (row["verdict"], row["refused"]) == ("fail", [])


def test_group_checks_on_fake_gpus(torch_python: Path, edited: Path) -> None:
    """From the supervisor through torchrun to the ranks, with gloo instead of NCCL."""
    shutil.copy(HERE / "fake_cuda.py", edited)
    install = "from .fake_cuda import install\n\n{0}install()\n"
    _edit(
        edited,
        "facts.py",
        " " * 12 + "import torch\n",
        " " * 12 + "import torch\n" + " " * 12 + install.format(" " * 12),
    )
    _edit(
        edited,
        "distributed_worker.py",
        "    configure_torch()\n",
        "    " + install.format("    ") + "    configure_torch()\n",
    )
    argv = [str(torch_python), "-I", "-B", str(edited / "__main__.py"), "--device", "gpu", "--only", "group"]
    for count, code in (("2", 0), ("3", 6)):
        done = subprocess.run([*argv, "--gpus", count], capture_output=True, text=True, timeout=300, check=False)
        results = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "result"]
        assert [r["message"] for r in results if r["message"] not in {"", "only 2 GPUs are visible"}] == []
        assert ({r["verdict"] for r in results}, done.returncode) == ({"fail" if code else "pass"}, code)
