"""Hardware facts, from a made-up /proc and /sys, nvidia-smi and libcuda: other machines are not at hand."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from envtool.errors import EnvtoolError
from envtool.gpu import probes
from envtool.gpu.hardware import Hardware, assume, facts
from envtool.gpu.probes import Gpu
from envtool.paths import Host

BLANK = Host({"PATH": "/nowhere"}, Path("/nowhere"), "Linux", "x86_64")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The file system of a machine with nothing in it."""
    folder = tmp_path / "root"
    (folder / "sys/bus/pci/devices").mkdir(parents=True)
    return folder


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def pci(root: Path, slot: str, vendor: str, kind: str) -> None:
    write(root, f"sys/bus/pci/devices/{slot}/vendor", vendor + "\n")
    write(root, f"sys/bus/pci/devices/{slot}/class", kind + "\n")


def smi(tmp_path: Path, script: str) -> Host:
    """A host whose PATH begins with a made-up nvidia-smi."""
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return replace(BLANK, environ={"PATH": f"{program.parent}:/usr/bin:/bin"})


def test_an_empty_machine(root: Path) -> None:
    found = facts(BLANK, root=root)
    assert found == Hardware("Linux", "x86_64", cards=0, remarks=("No libcuda was found.", "No nvidia-smi was found."))
    assert not found.has_card


def test_a_bus_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    assert facts(BLANK, root=tmp_path).cards is None


def test_only_display_controllers_of_nvidia_count_as_cards(root: Path) -> None:
    pci(root, "0000:01:00.0", "0x10de", "0x030000")  # a GeForce
    pci(root, "0000:01:00.1", "0x10de", "0x040300")  # its sound
    pci(root, "0000:02:00.0", "0x10de", "0x030200")  # a data-centre card
    pci(root, "0000:03:00.0", "0x10de", "0x068000")  # an NVSwitch
    pci(root, "0000:00:02.0", "0x8086", "0x030000")  # Intel's graphics
    (root / "sys/bus/pci/devices/0000:04:00.0").mkdir()  # one that says nothing
    found = facts(BLANK, root=root)
    assert found.cards == 2
    assert found.has_card


def test_places(root: Path) -> None:
    assert not facts(BLANK, root=root).wsl
    write(root, "proc/sys/kernel/osrelease", "6.6.87.2-microsoft-standard-WSL2\n")
    assert facts(BLANK, root=root).wsl
    assert not facts(BLANK, root=root).has_card
    (root / "usr/lib/wsl/drivers/nv_dispi.inf_amd64_7e5fd280efaa5445").mkdir(parents=True)
    assert facts(BLANK, root=root).has_card

    write(root, "proc/1/cgroup", "0::/\n")
    assert not facts(BLANK, root=root).container
    write(root, "proc/1/cgroup", "12:devices:/kubepods/besteffort/pod1\n")
    assert facts(BLANK, root=root).container
    write(root, "proc/1/cgroup", "0::/\n")
    write(root, ".dockerenv")
    assert facts(BLANK, root=root).container

    assert not facts(BLANK, root=root).tegra
    write(root, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.3\n")
    assert facts(BLANK, root=root).tegra


@pytest.mark.parametrize(
    ("path", "text", "version"),
    [
        (
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 2024\nGCC version:  gcc 12.3.0\n",
            "535.183.01",
        ),
        (
            "proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)\n",
            "580.65.06",
        ),
        ("sys/module/nvidia/version", "570.124.06\n", "570.124.06"),
        ("sys/module/nvidia/version", "\n", ""),
    ],
)
def test_kernel_module_version(root: Path, path: str, text: str, version: str) -> None:
    write(root, path, text)
    found = facts(BLANK, root=root)
    assert (found.module, found.driver) == (version, version)


def test_device_files_are_the_cards_not_the_control_node(root: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        write(root, f"dev/{name}")
    assert facts(BLANK, root=root).nodes == ("/dev/nvidia0", "/dev/nvidia1")


def test_smi_table() -> None:
    said = probes.parse_smi(
        "NVIDIA A100-SXM4-80GB, GPU-5d0f0f4a-1111, 535.183.01, 81920, 8.0, Enabled\n"
        "Tesla T4, GPU-77, 535.183.01, [N/A], [N/A], [N/A]\n"
        "\n"
    )
    assert said.driver == "535.183.01"
    assert said.gpus == (
        Gpu("NVIDIA A100-SXM4-80GB", "GPU-5d0f0f4a-1111", (8, 0), 81920 * 2**20, mig=True),
        Gpu("Tesla T4", "GPU-77", None, None, mig=None),
    )


def test_an_old_smi_is_asked_again_without_the_fields_it_does_not_know(tmp_path: Path, root: Path) -> None:
    host = smi(
        tmp_path,
        'case "$*" in *compute_cap*) echo "Field \\"compute_cap\\" is not a valid field to query."; exit 2;; esac\n'
        'echo "Tesla K80, GPU-1, 418.87.00, 11441"',
    )
    found = facts(host, root=root)
    assert found.driver == "418.87.00"
    assert found.gpus == (Gpu("Tesla K80", "GPU-1", None, 11441 * 2**20, None),)
    assert found.selected == ()  # what programs would get, only libcuda can say


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18', "version mismatch"),
        ("exit 9", "without a message"),
        ("kill -9 $$", "without a message"),
    ],
)
def test_a_failing_smi_is_a_remark(tmp_path: Path, root: Path, script: str, words: str) -> None:
    found = facts(smi(tmp_path, script), root=root)
    assert found.gpus == ()
    assert any(words in remark for remark in found.remarks)


@pytest.mark.slow
def test_a_hanging_smi_is_stopped_and_a_remark(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 1.0)
    found = facts(smi(tmp_path, "sleep 60"), root=root)
    assert any("did not answer" in remark for remark in found.remarks)


def test_a_broken_smi_is_a_remark(tmp_path: Path, root: Path) -> None:
    host = smi(tmp_path, "")
    (tmp_path / "bin/nvidia-smi").write_bytes(b"\x7fELF no program")
    assert any("nvidia-smi" in remark for remark in facts(host, root=root).remarks)


LIBCUDA = """
#include <string.h>
#include <stddef.h>
#include <stdlib.h>
int cuInit(unsigned f) { const char *v = getenv("CUDA_VISIBLE_DEVICES");
  if (ERROR) return ERROR; return v && !*v ? 100 : 0; }
int cuDriverGetVersion(int *v) { *v = 13020; return 0; }
int cuDeviceGetCount(int *n) { const char *v = getenv("CUDA_VISIBLE_DEVICES");
  *n = v ? (int)(strlen(v) + 1) / 2 : 2; return 0; }
int cuDeviceGet(int *d, int i) { *d = i; return 0; }
int cuDeviceGetName(char *n, int len, int d) { strncpy(n, d ? "NVIDIA A30 MIG 1g.6gb" : "NVIDIA H100", len); return 0; }
int cuDeviceGetUuid_v2(char *u, int d) { memset(u, 0x10 + d, 16); return 0; }
int cuDeviceTotalMem_v2(size_t *s, int d) { *s = (size_t)80 << 30; return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? (d ? 8 : 9) : 0; return a == 75 || a == 76 ? 0 : 1; }
"""


def libcuda(root: Path, *, error: int = 0, source: str = LIBCUDA) -> None:
    """Put a made-up driver library where a machine has it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler (Debian, Ubuntu: apt install gcc)")
    target = root / "usr/lib/x86_64-linux-gnu/libcuda.so.1"
    target.parent.mkdir(parents=True)
    subprocess.run(
        [compiler, "-shared", "-fPIC", f"-DERROR={error}", "-x", "c", "-", "-o", str(target)],
        input=source,
        text=True,
        check=True,
    )


def test_libcuda_says_which_gpus_programs_get(root: Path) -> None:
    libcuda(root)
    found = facts(BLANK, root=root)
    assert found.cuda == (13, 2)
    assert found.cuda_error == 0
    assert found.libcuda.endswith("root/usr/lib/x86_64-linux-gnu/libcuda.so.1")
    assert found.selected == (
        Gpu("NVIDIA H100", "GPU-10101010-1010-1010-1010-101010101010", (9, 0), 80 * 2**30, None),
        Gpu("NVIDIA A30 MIG 1g.6gb", "MIG-11111111-1111-1111-1111-111111111111", (8, 0), 80 * 2**30, mig=True),
    )


def test_what_only_smi_knows_is_added(tmp_path: Path, root: Path) -> None:
    libcuda(root)
    uuid = "GPU-10101010-1010-1010-1010-101010101010"
    found = facts(smi(tmp_path, f'echo "NVIDIA H100, {uuid}, 595.58.03, 81559, 9.0, Disabled"'), root=root)
    assert found.driver == "595.58.03"
    assert found.selected[0].mig is False
    assert len(found.gpus) == 1


def test_selection_is_the_librarys(root: Path) -> None:
    libcuda(root)
    one = replace(BLANK, environ={**BLANK.environ, "CUDA_VISIBLE_DEVICES": "0"})
    none = replace(BLANK, environ={**BLANK.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert [gpu.name for gpu in facts(one, root=root).selected] == ["NVIDIA H100"]
    hidden = facts(none, root=root)
    assert (hidden.selected, hidden.cuda_error, hidden.cuda, hidden.visible) == ((), 100, (13, 2), "")


def test_a_selection_of_the_process_is_not_the_hosts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libcuda(root)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert len(facts(BLANK, root=root).selected) == 2


def test_a_library_that_does_not_start_is_a_fact(root: Path) -> None:
    libcuda(root, error=803)
    found = facts(BLANK, root=root)
    assert (found.cuda_error, found.selected) == (803, ())


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["__builtin_trap();", "for (;;) ;"])
def test_a_library_that_crashes_or_hangs_costs_us_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 2.0)
    libcuda(root, source=LIBCUDA.replace("int cuInit(unsigned f) {", f"int cuInit(unsigned f) {{ {fault}"))
    found = facts(BLANK, root=root)
    assert found.cuda_error is None
    assert any("libcuda" in remark for remark in found.remarks)


def test_assumed_machines() -> None:
    found = assume(BLANK, "580", [(9, 0), (12, 0)])
    assert found.has_card
    assert found.assumed
    assert [gpu.capability for gpu in found.selected] == [(9, 0), (12, 0)]
    with pytest.raises(EnvtoolError, match="driver"):
        assume(BLANK, "newest", [(9, 0)])
