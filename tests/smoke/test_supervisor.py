"""Tests of the supervisor: it survives crashes and hangs in its workers and reports the check they happened in."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from envtool import smoke

pytestmark = pytest.mark.torch
Run = Callable[..., tuple[int, list[dict[str, Any]]]]
BUNDLE = Path(smoke.__file__).parent


@pytest.fixture
def faulty_bundle(tmp_path: Path) -> Path:
    """The entry point of a bundle whose only checks are faulty."""
    copy = tmp_path / "smoke"
    shutil.copytree(BUNDLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).parent / "faulty_checks.py", copy / "checks" / "faulty.py")
    (copy / "checks" / "__init__.py").write_text('FAMILIES = ("faulty",)\n')
    return copy / "__main__.py"


@pytest.fixture
def run_bundle(torch_python: Path) -> Run:
    """A function that runs a bundle with the interpreter under test and returns its exit code and events."""

    def run(entry: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        argv = [str(torch_python), "-I", "-B", str(entry), "--device", "cpu", *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_a_faulty_check_does_not_affect_others(faulty_bundle: Path, run_bundle: Run) -> None:
    code, events = run_bundle(faulty_bundle, "--only", "faulty")
    results = {event["id"]: event for event in events if event["event"] == "result"}
    verdicts = {name.split(".")[1]: result["verdict"] for name, result in results.items()}
    assert verdicts == {
        "first": "pass",
        "noise": "pass",
        "crash": "fail",
        "exit": "fail",
        "hang": "fail",
        "wrong": "fail",
        "nan": "fail",
        "raises": "fail",
        "nothing": "fail",
        "advice": "warn",
        "absent": "skip",
        "skips": "skip",
        "alone": "pass",
        "takes": "pass",
        "busy": "pass",
        "crowded": "skip",
        "last": "pass",
    }
    messages = {name.split(".")[1]: result["message"] for name, result in results.items()}
    assert "SIGSEGV" in messages["crash"]
    assert "exited with code 3" in messages["exit"]
    assert "last line" in messages["exit"]
    assert "within 3 seconds" in messages["hang"]
    assert results["faulty.hang"]["seconds"] < 10
    assert messages["wrong"] == "too much: measured 2, expected at most 1"
    assert (results["faulty.wrong"]["measured"], results["faulty.wrong"]["gate"]) == (2.0, 1.0)
    assert results["faulty.wrong"]["source"] == "for the test"
    assert results["faulty.nan"]["measured"] == "nan"
    assert messages["raises"] == "ValueError: a reason"
    assert messages["crowded"] == "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB."
    assert messages["absent"] == "surely_not_installed is not installed"
    assert results["faulty.alone"]["facts"]["process"] != results["faulty.last"]["facts"]["process"]
    assert code == 6
    assert events[-1]["event"] == "end"
    assert events[-1]["counts"] == {"pass": 6, "warn": 1, "fail": 7, "skip": 3}


def test_after_a_vital_failure_the_rest_is_skipped(faulty_bundle: Path, run_bundle: Run) -> None:
    code, events = run_bundle(faulty_bundle, "--only", "vital")
    after = next(event for event in events if event["event"] == "result" and event["id"] == "vital.after")
    assert (code, after["verdict"], after["message"]) == (6, "skip", "not run because vital.wrong failed")


def test_a_warning_is_not_a_failure(faulty_bundle: Path, run_bundle: Run) -> None:
    code, events = run_bundle(faulty_bundle, "--only", "faulty.advice")
    assert (code, events[-1]["verdict"]) == (0, "pass")


def test_figures_are_sent_only_on_request(run_bundle: Run) -> None:
    entry = BUNDLE / "__main__.py"
    for arguments, expected in (((), False), (("--figures",), True)):
        _, events = run_bundle(entry, "--only", "autoencoder.pca", *arguments)
        result = next(event for event in events if event["event"] == "result")
        assert bool(result.get("figures")) is expected


def test_a_group_survives_faulty_ranks(faulty_bundle: Path, run_bundle: Run) -> None:
    supervisor = faulty_bundle.parent / "supervisor.py"
    text = supervisor.read_text()
    assert '"cpu": ()' in text
    supervisor.write_text(text.replace('"cpu": ()', '"cpu": ("NCCL_P2P_DISABLE",)'))
    code, events = run_bundle(faulty_bundle, "--only", "group", "--gpus", "2")
    results = {event["id"].split(".")[1]: event for event in events if event["event"] == "result"}
    assert {name: result["verdict"] for name, result in results.items()} == {
        "stuck": "fail",
        "dies": "fail",
        "differs": "fail",
        "fine": "pass",
    }
    stuck = results["stuck"]["message"]
    assert "within 5 seconds" in stuck
    assert "rank 1 was in stuck (faulty.py:" in stuck
    assert re.search(r"rank 0 was in all_reduce \(\S+:\d+\)", stuck)
    assert "it passes with NCCL_P2P_DISABLE=1" in stuck
    assert "exited with code" in results["dies"]["message"]
    assert results["differs"]["message"].startswith("rank 1 of 2: rank: measured 1, expected at most 0")
    assert results["fine"]["facts"]["ranks"] == 2
    assert code == 6
    assert not _alive("envtool-ranks-")


def test_collectives_and_training_on_several_processes(run_bundle: Run) -> None:
    code, events = run_bundle(BUNDLE / "__main__.py", "--only", "group", "--gpus", "2")
    results = [event for event in events if event["event"] == "result"]
    assert {result["id"] for result in results} >= {"group.collectives", "group.training", "group.bandwidth"}
    assert [result["message"] for result in results if result["verdict"] != "pass"] == []
    assert code == 0


def test_two_machines_run_a_check_together(torch_python: Path) -> None:
    """Two supervisors, as on two machines, with one process each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    argv = [str(torch_python), "-I", "-B", str(BUNDLE / "__main__.py"), "--device", "cpu", "--only", "group.training"]
    argv += ["--gpus", "1", "--nodes", "2", "--rdzv", endpoint]
    machines = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for machine in machines:
        out, _ = machine.communicate(timeout=200)
        (result,) = [event for event in map(json.loads, out.splitlines()) if event["event"] == "result"]
        assert (machine.returncode, result["verdict"], result["facts"]["ranks"]) == (0, "pass", 2), result["message"]


def _alive(text: str) -> list[str]:
    """Return the command lines of running processes that contain ``text``."""
    return [line for line in _command_lines() if text in line]


def _command_lines() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # the process has ended
            yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()


NAMES = """
import json, torch
from torch import nn
names = [*nn.modules.loss.__all__, *nn.modules.pooling.__all__, *nn.modules.dropout.__all__]
kinds = [(n, k) for n, k in vars(torch.optim).items() if isinstance(k, type)]
names += [n for n, kind in kinds if issubclass(kind, torch.optim.Optimizer)]
print(json.dumps(sorted({*names} - {"Optimizer"})))
"""


def test_checks_mention_every_loss_pooling_dropout_and_optimizer_class_of_torch(torch_python: Path) -> None:
    done = subprocess.run([str(torch_python), "-c", NAMES], capture_output=True, text=True, check=True)
    text = "".join(path.read_text(encoding="utf-8") for path in (BUNDLE / "checks").glob("*.py"))

    def mentioned(name: str) -> bool:
        family = re.sub(r"\dd$", "%dd", name)  # MaxPool2d is made as "MaxPool%dd" % 2
        return name in text or family in text

    assert [name for name in json.loads(done.stdout) if not mentioned(name)] == []
