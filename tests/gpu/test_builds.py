"""The choice of a torch build, on machines that people really have."""

from dataclasses import replace

import pytest

from envtool.errors import EnvtoolError, ExitCode
from envtool.gpu.builds import BuildRequest, Candidate, choose, driver_notes, runs_on, table
from envtool.gpu.hardware import Hardware
from envtool.gpu.probes import Gpu


def gpu(name: str, capability: str, *, uuid: str = "GPU-1", mig: bool | None = None) -> Gpu:
    major, minor = capability.split(".")
    return Gpu(name, uuid, (int(major), int(minor)), 16 * 2**30, mig)


def machine(
    *gpus: Gpu, driver: str = "580.95.05", cuda: tuple[int, int] | None = None, system: str = "x86_64"
) -> Hardware:
    """A Linux machine whose cards and driver work."""
    return Hardware("Linux", system, gpus=gpus, selected=gpus, driver=driver, cuda=cuda, cuda_error=0, cards=len(gpus))


GTX1080 = gpu("NVIDIA GeForce GTX 1080", "6.1", uuid="GPU-1080")
V100 = gpu("Tesla V100-SXM2-32GB", "7.0", uuid="GPU-v100")
T4 = gpu("Tesla T4", "7.5")
A100 = gpu("NVIDIA A100-SXM4-80GB", "8.0")
RTX4090 = gpu("NVIDIA GeForce RTX 4090", "8.9")
H100 = gpu("NVIDIA H100 80GB HBM3", "9.0")
B200 = gpu("NVIDIA B200", "10.0")
RTX5090 = gpu("NVIDIA GeForce RTX 5090", "12.0", uuid="GPU-5090")
GB10 = gpu("NVIDIA GB10", "12.1")
K80 = gpu("Tesla K80", "3.7")


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        # Pascal's code left with cu128, and cu126 left with 2.15: the driver alone would have said cu132.
        (machine(GTX1080), "2.14.1+cu126"),
        (machine(H100, driver="550.54.15"), "2.14.1+cu126"),
        (machine(H100), "2.15.0+cu132"),
        # Blackwell needs cu128; a CUDA 12 driver has it up to 2.11.
        (machine(RTX5090, driver="570.124.06"), "2.11.0+cu128"),
        (machine(RTX5090, driver="580.65.06"), "2.15.0+cu132"),
        (machine(V100), "2.14.1+cu126"),
        (machine(V100, driver="470.82.01"), "2.7.1+cu118"),
        (machine(A100, driver="450.80.02"), "2.7.1+cu118"),
        (machine(T4), "2.15.0+cu132"),
        (machine(T4, driver="535.183.01"), "2.14.1+cu126"),
        (machine(RTX4090, A100, driver="560.35.05"), "2.14.1+cu126"),
        (machine(B200, driver="570.133.20"), "2.11.0+cu128"),
        # Volta and Blackwell meet only in cu128 of 2.8 to 2.10.
        (machine(V100, RTX5090), "2.10.0+cu128"),
        (machine(GB10, system="aarch64"), "2.15.0+cu132"),
        (machine(GB10, driver="570.26", system="aarch64"), "2.11.0+cu128"),
        (machine(H100, driver="550.54.15", system="aarch64"), "2.14.1+cu126"),
        (machine(A100, gpu("NVIDIA A100 MIG 1g.5gb", "8.0", mig=True)), "2.15.0+cu132"),
        # The reported CUDA version counts more than the driver's own: cuda-compat, and Windows' driver under WSL.
        (machine(H100, driver="550.54.15", cuda=(13, 0)), "2.15.0+cu132"),
        (replace(machine(RTX4090, driver="528.49", cuda=(12, 0)), wsl=True, wsl_driver=True, cards=0), "2.14.1+cu126"),
    ],
    ids=str,
)
def test_first_choice_follows_driver_and_every_gpu(hardware: Hardware, expected: str) -> None:
    assert str(choose(hardware, BuildRequest()).candidates[0]) == expected


def test_every_candidate_runs_on_every_gpu_and_is_ordered() -> None:
    for hardware in (machine(GTX1080), machine(V100, RTX5090), machine(H100, A100), machine(A100, driver="525.60.13")):
        candidates = choose(hardware, BuildRequest()).candidates
        for candidate in candidates:
            code = table().code(candidate, "x86_64")
            assert all(runs_on(code, card) for card in hardware.selected)
        torches = [tuple(map(int, candidate.torch.split("."))) for candidate in candidates]
        assert torches == sorted(torches, reverse=True)
        assert len(set(candidates)) == len(candidates)


def test_default_index_build_comes_first_within_a_release() -> None:
    in_214 = [c.build for c in choose(machine(H100), BuildRequest(torch="2.14.1")).candidates]
    assert in_214 == ["cu130", "cu132", "cu126"]


@pytest.mark.parametrize(
    ("code", "capability", "runs"),
    [((80,), "8.6", True), ((86,), "8.0", False), ((80,), "9.0", False), ((90,), "8.9", False), ((120,), "12.1", True)],
)
def test_compiled_code_runs_within_its_major_only(code: tuple[int, ...], capability: str, runs: bool) -> None:
    assert runs_on(code, gpu("some card", capability)) is runs


def test_unknown_capability_runs_nothing() -> None:
    assert not runs_on((50, 60, 70, 75, 80, 86, 90, 100, 120), Gpu("some card"))


def test_without_a_card_the_cpu_build_is_taken_and_said() -> None:
    choice = choose(Hardware("Linux", "x86_64", cards=0), BuildRequest())
    assert choice.cpu
    assert choice.candidates[0] == Candidate("2.15.0", "cpu")
    assert "No NVIDIA GPU" in choice.reason


def test_in_wsl_it_is_said_when_a_card_would_show() -> None:
    assert (
        "Windows has NVIDIA's driver" in choose(Hardware("Linux", "x86_64", wsl=True, cards=0), BuildRequest()).reason
    )


def test_a_bus_that_cannot_be_read_counts_as_no_card() -> None:
    assert choose(Hardware("Linux", "x86_64", cards=None), BuildRequest()).cpu


def test_cpu_on_request_also_where_cards_are_or_a_driver_is_missing() -> None:
    for hardware in (machine(H100), Hardware("Linux", "x86_64", cards=1), Hardware("Linux", "aarch64", tegra=True)):
        assert choose(hardware, BuildRequest(cpu=True)).cpu
        assert [str(c) for c in choose(hardware, BuildRequest(torch="2.13.0+cpu")).candidates] == ["2.13.0+cpu"]


def test_a_release_can_be_named_shortly_or_with_its_build() -> None:
    assert [c.torch for c in choose(machine(), BuildRequest(cpu=True, torch="2.9")).candidates] == ["2.9.1", "2.9.0"]
    assert [str(c) for c in choose(machine(H100), BuildRequest(torch="2.13.0+cu126")).candidates] == ["2.13.0+cu126"]


def refused(hardware: Hardware, wanted: BuildRequest | None = None) -> EnvtoolError:
    with pytest.raises(EnvtoolError) as caught:
        choose(hardware, wanted or BuildRequest())
    assert "CUDA toolkit" not in caught.value.hint
    return caught.value


WITHOUT_DRIVER = Hardware("Linux", "x86_64", cards=1)


@pytest.mark.parametrize(
    ("hardware", "fix"),
    [
        (WITHOUT_DRIVER, "ubuntu-drivers"),
        (replace(WITHOUT_DRIVER, container=True, module="580.95.05"), "--gpus all"),
        (replace(WITHOUT_DRIVER, container=True, nodes=("/dev/nvidia0",)), "NVIDIA_DRIVER_CAPABILITIES"),
        (replace(WITHOUT_DRIVER, container=True, gpus=(T4,), driver="580.95.05"), "NVIDIA_DRIVER_CAPABILITIES"),
        (replace(WITHOUT_DRIVER, module="580.95.05"), "libnvidia-compute"),
        (Hardware("Linux", "x86_64", wsl=True, wsl_driver=True, cards=0), "in Windows"),
        (replace(WITHOUT_DRIVER, cuda_error=803, libcuda="/usr/lib/libcuda.so.1"), "restart"),
        (replace(WITHOUT_DRIVER, cuda_error=804), "LD_LIBRARY_PATH"),
        (replace(WITHOUT_DRIVER, cuda_error=999, visible="0"), "nvidia_uvm"),
        (replace(WITHOUT_DRIVER, cuda_error=12345), "nvidia-smi"),
        (replace(WITHOUT_DRIVER, cuda_error=100, gpus=(T4,)), "dmesg"),
        (replace(WITHOUT_DRIVER, cuda_error=100, gpus=(T4,), visible=""), "Unset"),
        (replace(WITHOUT_DRIVER, cuda_error=100, gpus=(gpu("A100", "8.0", mig=True),)), "MIG"),
        (Hardware("Linux", "aarch64", tegra=True, cards=0), "JetPack"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_with_its_fix(hardware: Hardware, fix: str) -> None:
    error = refused(hardware)
    assert fix in error.hint
    assert error.code == ExitCode.MISSING


def test_hidden_gpus_are_named_as_the_cause() -> None:
    error = refused(replace(WITHOUT_DRIVER, cuda_error=100, gpus=(T4,), visible="-1"))
    assert "CUDA_VISIBLE_DEVICES='-1'" in error.message


def test_mixed_gpus_without_a_common_build_are_offered_a_subset_and_conda_forge() -> None:
    error = refused(machine(RTX5090, GTX1080))
    assert "RTX 5090 (12.0)" in error.message
    assert "GTX 1080 (6.1)" in error.message
    assert "CUDA_VISIBLE_DEVICES=GPU-5090 (torch 2.15.0+cu132)" in error.hint
    assert "CUDA_VISIBLE_DEVICES=GPU-1080 (torch 2.14.1+cu126)" in error.hint
    assert "pytorch=2.13=cuda129*" in error.hint


def test_a_gpu_older_than_every_build_is_named() -> None:
    assert "Tesla K80 (3.7)" in refused(machine(K80)).message


@pytest.mark.parametrize(
    ("hardware", "needed"),
    [
        (machine(T4, driver="440.33.01"), "450.80.02"),
        (machine(RTX5090, driver="470.82.01"), "525.60.13"),
        (machine(gpu("NVIDIA Thor", "11.0"), driver="570.26", system="aarch64"), "580"),
    ],
)
def test_a_driver_older_than_every_build_is_told_what_it_needs(hardware: Hardware, needed: str) -> None:
    assert f"driver to {needed}" in refused(hardware).hint


def test_a_release_that_does_not_run_here_names_one_that_does() -> None:
    error = refused(machine(GTX1080), BuildRequest(torch="2.15.0"))
    assert "2.14.1+cu126" in error.hint


def test_a_cuda_release_without_a_card_is_refused() -> None:
    assert "--assume-driver" in refused(Hardware("Linux", "x86_64", cards=0), BuildRequest(torch="2.13.0+cu126")).hint


@pytest.mark.parametrize("torch", ["9.9", "newest", "2.1x", "2.13.0.1"])
def test_an_unknown_release_is_bad_input(torch: str) -> None:
    error = refused(machine(H100), BuildRequest(torch=torch))
    assert error.code == ExitCode.BAD_INPUT
    assert "2.15.0" in error.hint


def test_what_a_newer_driver_would_bring_is_said() -> None:
    said = " ".join(driver_notes(machine(RTX5090, driver="570.10"), Candidate("2.11.0", "cu128")))
    assert "driver 580 or newer, torch 2.15.0+cu132 would run" in said
    assert "without some features" in said
    assert driver_notes(machine(RTX5090, driver="595.71.05"), Candidate("2.15.0", "cu132")) == ()
    assert driver_notes(machine(RTX5090, driver="595.71.05"), Candidate("2.11.0", "cu128")) == ()
    assert driver_notes(Hardware("Linux", "x86_64"), Candidate("2.15.0", "cpu")) == ()


def test_the_table_is_whole() -> None:
    known = table()
    assert list(known.releases) == sorted(known.releases, key=lambda r: tuple(map(int, r.split("."))), reverse=True)
    for candidate in known.candidates():
        assert known.code(candidate, "x86_64"), f"{candidate} has no kernels"
        assert candidate.build in known.toolkit_drivers
        assert int(candidate.build[2:-1]) in known.drivers
    for torch, build in known.unlabelled.items():
        assert build in known.releases[torch]
