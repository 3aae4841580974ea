"""``envtool bootstrap`` on a folder of small wheels, for GPUs that are not at hand.

The wheels are real, and really installed; what they lack is their contents.
"""

import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.home import Home
from support.wheels import torch, wheel

from envtool.prefix.marks import mark_begun

pytestmark = pytest.mark.slow

GPU = ("--assume-driver", "580.95.05", "--assume-cc", "9.0")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Wheels of everything that a bootstrap installs, and torch in several builds."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("pip", "numpy", "pandas", "opencv_python_headless", "matplotlib"):
        wheel(folder, name, "1.0")
    torch(folder, "2.13.0+cpu", None)
    torch(folder, "2.13.0+cu130", "13.0")
    torch(folder, "2.12.1+cu132", "13.2")
    torch(folder, "2.14.0+cu126", "12.6")
    return folder


@pytest.fixture
def at_home(home: Home, wheels: Path) -> Home:
    """An account whose pip uses that folder and nothing else."""
    only = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    channels = home.path / ".condarc"
    channels.write_text("channels: ['http://127.0.0.1:9/closed']\n")  # no conda channel answers
    environ = {name: value for name, value in home.environ.items() if not name.startswith("PIP_")}
    return replace(home, environ={**environ, **only})


def environments(home: Home) -> list[str]:
    """What lies in envtool's folder of environments, hidden or not."""
    folder = home.path / ".local/share/envtool/envs"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def record(home: Home, name: str = "dl") -> dict[str, Any]:
    path = home.path / ".local/share/envtool/envs" / name / ".envtool/bootstrap.json"
    return dict(json.loads(path.read_text()))


def test_a_gpu_gets_the_newest_build_that_can_be_had(at_home: Home) -> None:
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", *GPU, "--json")
    assert ran.code == 0, ran.out + ran.err
    # 2.14.0 is newer, and a driver 580 runs cu126 as well
    assert ran.data["torch"] == "2.14.0+cu126"
    assert at_home.installed("dl")["torch"] == "2.14.0+cu126"
    assert {"numpy", "pandas", "opencv-python-headless", "matplotlib", "pip"} <= set(at_home.installed("dl"))


def test_a_gpu_that_a_newer_build_has_no_code_for_gets_an_older_one(at_home: Home) -> None:
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", "--assume-driver", "580", "--assume-cc", "12.0", "--json")
    assert ran.data["torch"] == "2.13.0+cu130"
    said = record(at_home)
    assert said["first_choice"] == "2.15.0+cu132"
    assert said["hardware"]["selected"][0]["capability"] == [12, 0]
    assert said["table"]
    assert said["wheel"]["size"] > 0
    assert any("has torch 2.13.0+cu130" in outcome for outcome in said["sources"].values())


def test_the_cpu_build_and_the_reasons_are_said(at_home: Home) -> None:
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", "--cpu")
    assert ran.code == 0, ran.err
    assert at_home.installed("dl")["torch"] == "2.13.0+cpu"
    assert "requested" in ran.err
    assert "Engine: venv, since no conda channel can be read." in ran.err
    assert f"Sources tried: find-links {at_home.environ['PIP_FIND_LINKS']}: has torch 2.13.0+cpu." in ran.err
    assert "--torch 2.15.0+cpu looks for the newer" in ran.err


def test_a_release_can_be_insisted_on(at_home: Home) -> None:
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", "--torch", "2.12", *GPU, "--engine", "venv", "--json")
    assert ran.data["torch"] == "2.12.1+cu132"


def test_dry_run_makes_nothing(at_home: Home) -> None:
    ran = at_home.envtool("bootstrap", "dl", "--dry-run", "--cpu")
    assert ran.code == 0
    assert "2.13.0+cpu" in ran.out
    assert environments(at_home) == []


def test_sources_are_compiled(at_home: Home) -> None:
    assert at_home.envtool("bootstrap", "dl", "--no-verify", "--cpu").code == 0
    site = next((at_home.path / ".local/share/envtool/envs/dl/lib").glob("python3.*/site-packages"))
    assert list((site / "torch/__pycache__").glob("version.*.pyc"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("",), 2, "empty"),
        (("base",), 2, "conda reserves the name"),
        (("../dl",), 2, "path"),
        (("a b",), 2, "spaces"),
        (("dl", "--torch", "9.9"), 4, "2.15.0"),
        (("dl", "--cpu", "--torch", "newest"), 4, "not a version"),
        (("dl", "--cpu", "--python", "three"), 2, "3.12"),
        (("dl", "--engine", "magic"), 2, "magic"),
        (("dl", "--assume-driver", "580"), 2, "must be given together"),
        (("dl", "--assume-driver", "580", "--assume-cc", "nine"), 2, "9.0"),
        (("dl", "--assume-driver", "new", "--assume-cc", "9.0"), 2, "580"),
        (("dl", "--assume-driver", "390", "--assume-cc", "9.0"), 3, "too old"),
        (("dl", "--cpu", "--torch", "2.10"), 5, "No torch wheel for cpu"),
        (("dl", "--python", "3.99", "--cpu", "--engine", "venv"), 3, "3.99"),
    ],
)
def test_wrong_input(at_home: Home, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = at_home.envtool("bootstrap", *arguments)
    assert ran.code == code, ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) < 12
    assert environments(at_home) == []


def test_what_a_killed_create_left_is_free_as_it_is_for_create(at_home: Home) -> None:
    prefix = at_home.venvs / "dl"
    mark_begun(prefix, "envtool create dl")
    (prefix / ".envtool").mkdir(parents=True)
    (prefix / "pyvenv.cfg").touch()
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", "--cpu")
    assert ran.code == 0, ran.err
    assert at_home.installed("dl")["torch"] == "2.13.0+cpu"


def test_an_existing_name_is_refused_before_anything_else(at_home: Home) -> None:
    assert at_home.envtool("bootstrap", "dl", "--no-verify", "--cpu").code == 0
    before = at_home.installed("dl")
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", *GPU)
    assert ran.code == 1
    assert "already exists" in ran.err
    assert "torch" not in ran.err  # no build was chosen, no source was asked
    assert at_home.installed("dl") == before


def test_what_cannot_be_installed_leaves_nothing(at_home: Home, wheels: Path) -> None:
    (wheels / "pandas-1.0-py3-none-any.whl").unlink()
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", "--cpu")
    assert ran.code != 0
    assert "pandas" in ran.err
    assert environments(at_home) == []


def test_a_build_that_is_not_what_it_says_is_told_and_kept(at_home: Home, wheels: Path) -> None:
    torch(wheels, "2.13.0+cpu", "13.0")
    ran = at_home.envtool("bootstrap", "dl", "--no-verify", "--cpu")
    assert ran.code == 6
    assert "build for cu130" in ran.err
    assert environments(at_home) == ["dl"]


def test_a_failed_verification_is_exit_6_and_keeps_the_environment(at_home: Home) -> None:
    ran = at_home.envtool("bootstrap", "dl", "--cpu")  # this torch is empty
    assert ran.code == 6, ran.out + ran.err
    assert "GPU not verified" in ran.out
    assert "NOT verified" in ran.out
    assert "envtool remove dl" in ran.err
    assert environments(at_home) == ["dl"]
    assert record(at_home)["verification"]["verdict"] == "fail"


class Index(ThreadingHTTPServer):
    """Serves project pages over the folder of wheels: an index at ``/``, and one per torch build at ``/cu130/``.

    ``/flat/cu130/`` is a flat listing. For the project in ``deaf`` it never answers.
    """

    daemon_threads = True
    deaf = ""
    stuck: threading.Event
    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def with_login(self) -> str:
        return self.url.replace("://", "://me:s3cret@")


@pytest.fixture
def index(wheels: Path) -> Iterator[Index]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            *above, name = self.path.strip("/").split("/")
            if name == server.deaf:
                server.stuck.set()
                time.sleep(60)
                return
            build = name if above == ["flat"] else "".join(above)
            pattern = f"torch-*+{build}-*.whl" if build else f"{name.replace('-', '_')}-*.whl"
            files = [path for path in sorted(wheels.glob(pattern)) if build or "+" not in path.name]
            body = "".join(f'<a href="{path.as_uri()}">{path.name}</a>' for path in files).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = Index(("127.0.0.1", 0), Handler)
    server.stuck, server.asked = threading.Event(), []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def behind_a_wall(home: Home, index: Index) -> Home:
    """An account that reaches that index only, with a login."""
    environ = {name: value for name, value in home.environ.items() if not name.startswith("PIP_")}
    wall = {"https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
    return replace(home, environ={**environ, **wall, "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": index.with_login})


@pytest.mark.parametrize("how", ["index", "find-links"])
def test_a_mirror_serves_torch_where_upstream_is_out_of_reach(home: Home, index: Index, how: str) -> None:
    away = behind_a_wall(home, index)
    own = home.path / ".config/envtool/mirrors.yaml"
    own.parent.mkdir(parents=True)
    base = index.url if how == "index" else f"{index.url}/flat"
    own.write_text(f"mirrors:\n  lab:\n    title: Lab\n    torch: {{base: '{base}', how: {how}}}\n")
    ran = away.envtool("bootstrap", "dl", "--no-verify", "--engine", "venv", *GPU, "--torch", "2.13", "--json")
    assert ran.code == 0, ran.out + ran.err
    assert ran.data["torch"] == "2.13.0+cu130"
    assert ran.data["source"]["kind"] == how
    assert ran.data["sources"]["mirror 127.0.0.1"] == "has torch 2.13.0+cu130"
    assert "has no torch" in ran.data["sources"][f"index {index.url.replace('://', '://***@')}"]
    assert "s3cret" not in json.dumps(record(away))
    assert "the official wheel index" in ran.data["sources"]
    assert away.installed("dl")["torch"] == "2.13.0+cu130"
    assert not [path for path in index.asked if "cu130/numpy" in path]  # only torch comes from there


def test_cuda_in_place_of_the_cpu_build_only_on_request_and_with_its_size(
    home: Home, index: Index, wheels: Path
) -> None:
    away = behind_a_wall(home, index)
    torch(wheels, "2.14.1", "13.0", requires="nvidia-cuda-runtime==13.0.96")
    wheel(wheels, "nvidia_cuda_runtime", "13.0.96")
    arguments = ("bootstrap", "dl", "--no-verify", "--cpu", "--engine", "venv")
    refused = away.envtool(*arguments)
    assert refused.code == 5
    assert "--allow-large to install torch 2.14.1+cu130" in refused.err
    assert "0 MB to download for torch alone" in refused.err
    assert environments(away) == []
    agreed = away.envtool(*arguments, "--allow-large")
    assert agreed.code == 0, agreed.err
    assert "CUDA libraries: several GB" in agreed.err
    assert {"torch", "nvidia-cuda-runtime"} <= set(away.installed("dl"))


DRIVER = """
#include <string.h>
int cuInit(unsigned f) { return 0; }
int cuDriverGetVersion(int *v) { *v = 12040; return 0; }
int cuDeviceGetCount(int *n) { *n = 1; return 0; }
int cuDeviceGet(int *d, int i) { *d = i; return 0; }
int cuDeviceGetName(char *n, int len, int d) { strncpy(n, "NVIDIA H100", len); return 0; }
int cuDeviceTotalMem_v2(unsigned long *s, int d) { *s = 80ul << 30; return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? 9 : 0; return 0; }
"""


def test_the_driver_of_this_machine_decides(at_home: Home, tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler (Debian, Ubuntu: apt install gcc)")
    library = tmp_path / "driver/libcuda.so.1"
    library.parent.mkdir()
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=DRIVER, text=True, check=True)
    ran = at_home.envtool("bootstrap", "dl", "--dry-run", env={"LD_LIBRARY_PATH": str(library.parent)})
    assert ran.code == 0, ran.err
    assert "NVIDIA H100 (9.0)" in ran.err
    assert "2.14.0+cu126" in ran.out  # CUDA 12.4 runs no build for CUDA 13


def test_ctrl_c_in_the_middle_leaves_nothing(home: Home, index: Index, wheels: Path) -> None:
    index.deaf = "pandas"
    away = behind_a_wall(home, index)
    running = away.start("bootstrap", "dl", "--cpu", "--engine", "venv", "--find-links", str(wheels))
    assert index.stuck.wait(60), "pandas was never asked for"
    running.send_signal(signal.SIGINT)
    try:
        _, said = running.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        running.kill()
        raise
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert environments(away) == []


def test_logins_stay_secret(at_home: Home, wheels: Path) -> None:
    place = "http://me:s3cret@127.0.0.1:9/simple"
    environ = {name: value for name, value in at_home.environ.items() if name != "PIP_NO_INDEX"}
    told = replace(at_home, environ={**environ, "PIP_INDEX_URL": place, "PIP_FIND_LINKS": str(wheels / "none")})
    ran = told.envtool("bootstrap", "dl", "--cpu", "--engine", "venv", "--json")
    assert ran.code == 5
    assert "127.0.0.1:9" in ran.out
    assert "s3cret" not in ran.out + ran.err


def test_the_record_holds_no_login(home: Home, index: Index) -> None:
    away = behind_a_wall(home, index)
    told = replace(away, environ={**away.environ, "PIP_FIND_LINKS": f"{index.with_login}/flat/cpu"})
    ran = told.envtool("bootstrap", "dl", "--no-verify", "--cpu", "--torch", "2.13", "--engine", "venv")
    assert ran.code == 0, ran.err
    kept = json.dumps(record(told))
    assert "/flat/cpu" in kept
    assert "s3cret" not in kept + ran.err
