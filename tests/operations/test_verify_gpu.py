"""``envtool verify-gpu``, on interpreters with and without torch, and on programs that are none."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
from support.home import Home


def _card() -> bool:
    from envtool.smoke.facts import nvidia_card

    return nvidia_card()


def test_the_list_needs_no_environment(home: Home) -> None:
    ran = home.envtool("verify-gpu", "--list", "--only", "pool", "--json")
    assert ran.code == 0
    assert [check["id"] for check in ran.data["checks"]][:2] == ["pool.max", "pool.average"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 3, "No environment is active"),
        (("--python", "/nowhere/python"), 3, "no interpreter at /nowhere/python"),
        (("nowhere",), 3, "nowhere"),
        (("--only", "nonsense"), 2, "No check matches nonsense"),
        (("--only", "probe.tf32", "--device", "cpu"), 2, "need a GPU"),
        (("--device", "abacus"), 2, "abacus"),
        (("dl", "--python", "python3"), 2, "not both"),
    ],
)
def test_an_unverifiable_target_is_refused(home: Home, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = home.envtool("verify-gpu", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err


def test_an_interpreter_without_torch(home: Home, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    ran = home.envtool("verify-gpu", "--python", str(python), "--device", "cpu")
    assert ran.code == 3
    assert "torch is not installed" in ran.err
    assert "hint:" in ran.err


def test_a_program_that_is_no_python_is_refused(home: Home, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho unknown option >&2\nexit 2\n")
    program.chmod(0o755)
    ran = home.envtool("verify-gpu", "--python", str(program))
    assert ran.code == 3
    assert "unknown option" in ran.err


@pytest.mark.torch
class TestWithTorch:
    def test_a_run_on_the_cpu(self, home: Home, torch_python: Path) -> None:
        ran = home.envtool("verify-gpu", "--python", str(torch_python), "--device", "cpu", "--suite", "quick")
        assert ran.code == 0, ran.out + ran.err
        assert ran.out.startswith("GPU not verified")
        assert re.search(r"^pool\.max +pass +\S+ +<= 1e-05 +\S+ +float32 rounding", ran.out, re.MULTILINE)
        assert ran.out.splitlines()[-1].startswith("Verified on the CPU: ")

    def test_json(self, home: Home, torch_python: Path) -> None:
        arguments = ("--device", "cpu", "--only", "loss.ctc", "--json")
        ran = home.envtool("verify-gpu", "--python", str(torch_python), *arguments)
        assert (ran.code, ran.data["verdict"], ran.data["gpu_verified"]) == (0, "pass", False)
        (result,) = ran.data["results"]
        assert (result["id"], result["family"], result["verdict"]) == ("loss.ctc", "losses", "pass")
        assert 0 <= result["measured"] <= result["gate"]
        assert all(detail["source"] for detail in result["details"])

    def test_report(self, home: Home, torch_python: Path, tmp_path: Path) -> None:
        arguments = ("--device", "cpu", "--only", "autoencoder.pca", "--report", str(tmp_path / "report"))
        ran = home.envtool("verify-gpu", "--python", str(torch_python), *arguments)
        assert ran.code == 0
        assert str(tmp_path / "report" / "verify-gpu.html") in ran.err
        assert "<polyline" in (tmp_path / "report" / "verify-gpu.html").read_text(encoding="utf-8")

    @pytest.mark.skipif(_card(), reason="this machine has an NVIDIA card")
    def test_no_gpu_is_nothing_to_verify(self, home: Home, torch_python: Path) -> None:
        ran = home.envtool("verify-gpu", "--python", str(torch_python))
        assert (ran.code, ran.out) == (7, "nothing to verify: no GPU\n")

    def test_nothing_is_changed_there(self, home: Home, torch_python: Path) -> None:
        def files() -> dict[str, float]:
            prefix = torch_python.parent.parent
            return {str(p): p.stat().st_mtime for p in prefix.rglob("*") if "__pycache__" not in p.parts or p.is_dir()}

        before = files()
        ran = home.envtool(
            "verify-gpu", "--python", str(torch_python), "--device", "cpu", "--only", "matplotlib", "--only", "opencv"
        )
        assert ran.code == 0
        assert files() == before
        assert {path.name for path in home.path.iterdir()} == {".cache"}

    def test_a_wrong_torch_is_no_verdict_of_ours(self, home: Home, torch_python: Path, tmp_path: Path) -> None:
        """A torch that cannot be imported is a failed verification that shows the import error."""
        venv.create(tmp_path / "broken", with_pip=False)
        site = next((tmp_path / "broken" / "lib").glob("python*/site-packages"))
        (site / "torch").mkdir()
        (site / "torch" / "__init__.py").write_text("raise OSError('libcudnn.so.9: undefined symbol')\n")
        python = tmp_path / "broken" / "bin" / "python"
        ran = home.envtool("verify-gpu", "--python", str(python), "--device", "cpu")
        assert ran.code == 6
        assert "undefined symbol" in ran.out

    @pytest.mark.parametrize("victim", ["supervisor", "worker"])
    def test_it_survives_a_killed_child(self, home: Home, torch_python: Path, victim: str) -> None:
        arguments = ("--python", str(torch_python), "--device", "cpu", "--only", "gan.grid", "--json")
        with subprocess.Popen(
            [sys.executable, "-m", "envtool", "verify-gpu", *arguments],
            env=dict(home.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            os.kill(_descendant(running.pid, worker=victim == "worker"), signal.SIGKILL)
            out, _ = running.communicate(timeout=60)
        data = json.loads(out)["data"]
        last = data["results"][-1]
        assert "signal 9" in last["message"]
        assert last["id"] == "gan.grid"
        # The bundle took the worker's end for what it was, an advisory check that did not come to an end.
        assert (data["verdict"], last["verdict"]) == (("pass", "warn") if victim == "worker" else ("fail", "fail"))

    def test_ctrl_c_leaves_nothing_running(self, home: Home, torch_python: Path) -> None:
        arguments = ("--python", str(torch_python), "--device", "cpu", "--only", "gan.grid")
        with subprocess.Popen(
            [sys.executable, "-m", "envtool", "verify-gpu", *arguments],
            env=dict(home.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            worker = _descendant(running.pid, worker=True)
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=30)
        assert (running.returncode, out) == (130, "")
        assert "Interrupted" in err
        assert not Path(f"/proc/{worker}").exists()


def _descendant(pid: int, *, worker: bool) -> int:
    """Wait until a run works on a check, and return the process id of its supervisor or worker."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = _children(pid)
        for child in children:
            for grandchild in _children(child):
                busy = sum(map(int, Path(f"/proc/{grandchild}/stat").read_text().rsplit(")")[1].split()[11:13]))
                if busy > 300:  # hundredths of a second: torch is imported, the check runs
                    return grandchild if worker else child
        time.sleep(0.1)
    raise AssertionError("no worker appeared")


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]
