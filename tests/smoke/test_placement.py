"""Every check takes the path of a GPU, on cards that are not there, and leaves no tensor in the wrong place.

This proves placement, not numbers: see ``fake_cuda.py``.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envtool import smoke
from envtool.smoke.registry import catalogue, choose

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
)  # a hundred thousand launches each, or a GPU's work: minutes


def _on_cards(python: Path, *names: str, bundle: Path = BUNDLE) -> list[dict[str, Any]]:
    argv = [str(python), "-B", str(HERE / "fake_cuda.py"), str(bundle), "full", *names]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cards, *rows = map(json.loads, done.stdout.splitlines())
    assert cards == {"gpus": ["NVIDIA Pretence"] * 2}
    return rows


def _wrong(rows: list[dict[str, Any]]) -> list[str]:
    """Return what went wrong, also what a check swallowed."""
    return [
        f"{r['check']}: {r['message']} {r.get('refused')}"
        for r in rows
        if r["verdict"] in {"fail", "error"} or r["refused"]
    ]


def _checks(trained: bool) -> list[str]:
    """Return the checks of tensors that train at length, or those that do not."""
    return [
        check.id
        for check in choose(catalogue(), device="gpu")
        if "torch" in check.needs and check.id.startswith(TRAINED) is trained
    ]


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A copy of the bundle, to be edited."""
    return Path(shutil.copytree(BUNDLE, tmp_path / "smoke", ignore=shutil.ignore_patterns("__pycache__")))


def _edit(bundle: Path, name: str, old: str, new: str) -> None:
    text = (bundle / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} has no single {old!r} any more"
    (bundle / name).write_text(text.replace(old, new), encoding="utf-8")


def test_every_tensor_is_where_it_should_be(torch_python: Path) -> None:
    rows = _on_cards(torch_python, *_checks(trained=False))
    assert sorted(row["check"] for row in rows) == sorted(_checks(trained=False))
    assert _wrong(rows) == []
    assert {"probe.streams", "probe.tf32", "layer.cudnn"} <= {row["check"] for row in rows if row["verdict"] == "pass"}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_tensor_is_where_it_should_be_while_models_are_trained(torch_python: Path) -> None:
    rows = _on_cards(torch_python, *_checks(trained=True))
    assert sorted(row["check"] for row in rows) == sorted(_checks(trained=True))
    assert _wrong(rows) == []


MISPLACED = (
    ("vae.reparametrization", "vae", "torch.randn(n, dtype=torch.float64, device=lab.device)",
     "torch.randn(n, dtype=torch.float64)", "same device, but found cpu and cuda:0"),
    ("unpool.convolution", "unpooling", "unpool(x, corners.to(x.device))", "unpool(x, corners)", "same device"),
    ("numpy.torch", "numpy_", "tensor.to(lab.device).cpu().numpy()", "tensor.to(lab.device).numpy()", "to numpy"),
    ("probe.native", "probes", "torch.rand(100_000, device=lab.device)",
     "torch.rand(100_000, device=lab.device, generator=torch.Generator())", "Expected a 'cuda' generator"),
    ("probe.peers", "probes", 'there.to("cuda:%d" % b), block)', 'there + there.to("cuda:%d" % b), block)', "cuda:1"),
    ("probe.streams", "probes", "out = held * 2 + 1", "out = held * 2 + float(held.sum())", "is capturing"),
    ("throughput.copy", "throughput", "    torch.cuda.synchronize()\n", "", "must be completed"),
    ("unpool.bad_index", "unpooling", ', alone="always")', ")", "left broken"),
    ("optimizer.sparse_adam", "optimizers", "lab.near(\"touched rows\"",
     "lab.raises(\"\", lambda: embedding.weight + start)\n    lab.near(\"touched rows\"", "same device"),
)  # fmt: skip


def test_what_is_misplaced_is_found(torch_python: Path, edited: Path) -> None:
    for _, name, old, new, _ in MISPLACED:
        _edit(edited, f"checks/{name}.py", old, new)
    rows = {row["check"]: row for row in _on_cards(torch_python, *(m[0] for m in MISPLACED), bundle=edited)}
    missed = [name for name, *_, said in MISPLACED if not any(said in line for line in rows[name]["refused"])]
    assert missed == []


def test_tf32_is_seen_where_a_library_switch_lets_it_in(torch_python: Path, edited: Path) -> None:
    _edit(edited, "checks/layers.py", "else without_cudnn():", "else torch.backends.cudnn.flags(enabled=False):")
    _edit(edited, "checks/layers.py", "with nullcontext() if", "with torch.backends.cudnn.flags(enabled=True) if")
    (row,) = _on_cards(torch_python, "layer.cudnn", bundle=edited)
    assert (row["verdict"], row["refused"]) == ("fail", [])


def test_several_cards_together(torch_python: Path, edited: Path) -> None:
    """The whole way from the supervisor through torchrun, with gloo in the place of NCCL."""
    shutil.copy(HERE / "fake_cuda.py", edited)
    install = "from .fake_cuda import install\n\n{0}install()\n"
    _edit(
        edited,
        "facts.py",
        " " * 12 + "import torch\n",
        " " * 12 + "import torch\n" + " " * 12 + install.format(" " * 12),
    )
    _edit(edited, "distributed_worker.py", "    settle()\n", "    " + install.format("    ") + "    settle()\n")
    argv = [str(torch_python), "-I", "-B", str(edited / "__main__.py"), "--device", "gpu", "--only", "group"]
    for count, code in (("2", 0), ("3", 6)):
        done = subprocess.run([*argv, "--gpus", count], capture_output=True, text=True, timeout=300, check=False)
        results = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "result"]
        assert [r["message"] for r in results if r["message"] not in {"", "only 2 GPUs are visible"}] == []
        assert ({r["verdict"] for r in results}, done.returncode) == ({"fail" if code else "pass"}, code)
