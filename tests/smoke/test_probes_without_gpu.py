"""Tests of the conclusions that probes draw about GPUs, from made-up facts about them."""

from types import SimpleNamespace
from typing import Any

import pytest

from envtool.smoke.checks import probes
from envtool.smoke.checks.throughput import DATA_SHEETS, _Rates
from envtool.smoke.tolerances import EXACT, F32, Tolerance


class Recorder:
    """A context that records conditions and facts."""

    def __init__(self) -> None:
        self.conditions: list[bool] = []
        self.facts: dict[str, Any] = {}

    def fact(self, name: str, value: Any) -> None:
        self.facts[name] = value

    def holds(self, what: str, condition: Any) -> None:
        self.conditions.append(bool(condition))


def torch_with(capability: tuple[int, int], built: list[str], hip: str | None = None, **cudnn: Any) -> Any:
    cuda = SimpleNamespace(get_device_capability=lambda: capability, get_arch_list=lambda: built)
    backends = SimpleNamespace(cudnn=SimpleNamespace(version=lambda: cudnn.get("loaded"), is_available=lambda: True))
    inner = SimpleNamespace(_cudnn=SimpleNamespace(getCompileVersion=lambda: cudnn.get("compiled")))
    return SimpleNamespace(cuda=cuda, version=SimpleNamespace(hip=hip), backends=backends, _C=inner)


CU130 = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]


@pytest.mark.parametrize(
    ("capability", "built", "fits"),
    [
        ((8, 6), CU130, True),
        ((8, 9), CU130, True),  # runs machine code for 8.6
        ((12, 0), CU130, True),
        ((12, 0), ["sm_80", "sm_90", "compute_90"], False),  # no machine code, only PTX
        ((6, 1), CU130, False),  # Pascal with a recent build: matrix products work, native kernels fail
        ((6, 1), ["sm_50", "sm_60", "sm_70"], True),
        ((7, 0), ["sm_75"], False),
        ((9, 0), ["sm_90a"], True),
    ],
)
def test_machine_code(capability: tuple[int, int], built: list[str], fits: bool) -> None:
    context = Recorder()
    probes.architecture(context, torch_with(capability, built))
    assert context.conditions == [fits]


def test_rocm_builds_are_not_judged_by_sm_numbers() -> None:
    context = Recorder()
    probes.architecture(context, torch_with((9, 4), ["gfx942"], hip="6.4"))
    assert context.conditions == [True]


@pytest.mark.parametrize(
    ("loaded", "compiled", "fine"), [(8500, (8, 5, 0), True), (90600, (9, 1, 0), True), (8500, (9, 1, 0), False)]
)
def test_cudnn_versions(loaded: int, compiled: tuple[int, int, int], fine: bool) -> None:
    context = Recorder()
    probes._check_cudnn_versions(context, torch_with((9, 0), CU130, loaded=loaded, compiled=compiled))  # type: ignore[arg-type]
    assert context.conditions[0] is fine


@pytest.mark.parametrize(
    ("name", "is_cudnn"),
    [
        ("nvidia-cudnn-cu12", True),
        ("nvidia_cudnn_cu13", True),
        ("nvidia-cudnn-frontend", False),  # has its own versions
        ("nvidia-cublas-cu12", False),
    ],
)
def test_cudnn_wheels_are_recognized(name: str, is_cudnn: bool) -> None:
    assert bool(probes.CUDNN_WHEEL.match(name)) is is_cudnn


@pytest.mark.parametrize(
    ("name", "sheet"),
    [
        ("NVIDIA H200", "H200"),
        ("NVIDIA H200 NVL", "H200 NVL"),
        ("NVIDIA H200 MIG 1g.18gb", None),  # a slice of one
        ("NVIDIA L40", "L40"),
        ("NVIDIA RTX A1000", None),  # not an A10
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
        ("A100-SXM4-40GB", "A100-SXM4-40GB"),  # the name in old drivers
    ],
)
def test_a_data_sheet_applies_only_to_the_exact_device(name: str, sheet: str | None) -> None:
    rates = _Rates(SimpleNamespace(on_gpu=True), SimpleNamespace(cuda=SimpleNamespace(get_device_name=lambda: name)))  # type: ignore[arg-type]
    assert (rates.product, rates.memory) == DATA_SHEETS.get(sheet or "", (0, 0))


@pytest.mark.parametrize(
    ("tolerance", "value", "allowed", "ratio"),
    [
        (F32, 5e-6, True, 0.5),
        (F32, float("nan"), False, float("inf")),
        (EXACT, 0.0, True, 0.0),
        (EXACT, 1.0, False, float("inf")),
        (Tolerance(8, "", floor=True), 8, True, 1.0),
        (Tolerance(8, "", floor=True), 4, False, 2.0),
        (Tolerance(8, "", floor=True), 0, False, float("inf")),
        (Tolerance(-5.5, "", floor=True), -5, True, 0.0),
        (Tolerance(-5.5, "", floor=True), -6, False, float("inf")),
    ],
)
def test_tolerances(tolerance: Tolerance, value: float, allowed: bool, ratio: float) -> None:
    assert tolerance.allows(value) is allowed
    assert tolerance.ratio(value) == ratio
