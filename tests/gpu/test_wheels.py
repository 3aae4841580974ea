"""Wheels on index pages: names, Python versions and builds."""

import json

import pytest
from packaging.version import Version

from envtool import index_page
from envtool.gpu.wheels import Wheel, build_of, tags_of, wheels_of
from envtool.index_page import JSON_PAGE

LINUX = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "linux_x86_64"]


def read(page: str, content_type: str, url: str, name: str) -> tuple[Wheel, ...]:
    return wheels_of(name, index_page.parse(page, content_type, url))


def test_project_page_in_html() -> None:
    page = """<!DOCTYPE html><html><body>
    <a href="../../files/torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl#sha256=aa11"
       data-requires-python="&gt;=3.10" data-dist-info-metadata="sha256=bb">torch-2.13.0+cpu...</a><br/>
    <a href="torch-2.12.0-cp311-cp311-win_amd64.whl" data-core-metadata="false">torch-2.12.0</a>
    <a href="torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl" data-yanked="">withdrawn</a>
    <a href="torch-2.13.0.tar.gz">a source archive</a>
    <a href="torch-not-a-wheel.whl">no wheel's name</a>
    <a name="top">no link</a>
    </body></html>"""
    first, second = read(page, "text/html; charset=utf-8", "https://index.example/whl/cpu/torch/", "torch")
    assert first.url == ("https://index.example/whl/files/torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl")
    assert first.filename == "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert (first.version, first.version.local) == (Version("2.13.0+cpu"), "cpu")
    assert (first.requires_python, first.sha256, first.has_metadata) == (">=3.10", "aa11", True)
    assert (second.version, second.has_metadata, second.sha256) == (Version("2.12.0"), False, "")


def test_flat_listing_with_entities_and_other_projects() -> None:
    page = (
        '<a href="torch-2.14.0&#43;cu130-cp312-cp312-manylinux_2_28_x86_64.whl">torch-2.14.0&#43;cu130</a>'
        '<a href="torchvision-0.29.0&#43;cu130-cp312-cp312-linux_x86_64.whl">v</a>'
        '<a href="torch_geometric-2.6-py3-none-any.whl">g</a>'
        '<a href="/pytorch-wheels/cu130/torch-2.13.0%2Bcu130-cp312-cp312-linux_x86_64.whl">rooted</a>'
    )
    found = read(page, "text/html", "https://mirror.example/pytorch-wheels/cu130/", "torch")
    assert [str(wheel.version) for wheel in found] == ["2.14.0+cu130", "2.13.0+cu130"]
    assert all(wheel.url.startswith("https://mirror.example/pytorch-wheels/cu130/torch-2.1") for wheel in found)


def test_a_base_address_in_the_page_counts() -> None:
    page = '<base href="https://files.example/x/"><a href="torch-2.1.0-cp311-cp311-linux_x86_64.whl">t</a>'
    assert read(page, "text/html", "https://index.example/torch/", "torch")[0].url.startswith(
        "https://files.example/x/"
    )


def test_project_page_in_json() -> None:
    name = "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    files = [
        {
            "filename": name,
            "url": f"https://files.example/{name}",
            "hashes": {"sha256": "cc"},
            "requires-python": ">=3.11",
            "size": 539136850,
            "yanked": False,
            "core-metadata": {"sha256": "dd"},
        },
        {"filename": name, "url": f"../{name}", "hashes": {}, "requires-python": None, "yanked": "broken"},
        {"filename": "torch-2.14.1-cp312-cp312-linux_x86_64.whl", "url": "../x.whl", "hashes": {}, "yanked": False},
    ]
    page = json.dumps({"meta": {"api-version": "1.1"}, "name": "torch", "files": files})
    first, second = read(page, JSON_PAGE, "https://index.example/simple/torch/", "torch")
    assert (first.size, first.sha256, first.has_metadata) == (539136850, "cc", True)
    assert (second.url, second.size, second.has_metadata) == ("https://index.example/simple/x.whl", None, False)


@pytest.mark.parametrize(
    ("name", "python", "fits"),
    [
        ("torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl", "3.11", True),
        ("torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl", "3.12", False),
        ("torch-2.13.0-cp312-cp312-manylinux_2_28_aarch64.whl", "3.12", False),
        ("torch-2.13.0-cp312-cp312-win_amd64.whl", "3.12", False),
        ("torch-2.13.0-cp313-cp313t-manylinux_2_28_x86_64.whl", "3.13", False),
        ("torch-2.13.0-cp312-cp312-manylinux_2_39_x86_64.whl", "3.12", False),
        ("torch-2.13.0-3-cp312-cp312-manylinux1_x86_64.manylinux_2_17_x86_64.whl", "3.12", True),
        ("torch-2.13.0-py3-none-any.whl", "3.14", True),
    ],
)
def test_a_wheel_fits_a_python_on_a_platform(name: str, python: str, fits: bool) -> None:
    (wheel,) = read(f'<a href="{name}">x</a>', "text/html", "https://i.example/", "torch")
    assert wheel.fits(python, tags_of(python, LINUX)) is fits


@pytest.mark.parametrize(
    ("requires", "python", "fits"),
    [("&gt;=3.11", "3.10", False), ("&gt;=3.11", "3.11", True), ("&gt;=3.9.0", "3.9", True), ("nonsense", "3.9", True)],
)
def test_the_pages_word_on_pythons_counts(requires: str, python: str, fits: bool) -> None:
    page = f'<a href="torch-2.15.0-py3-none-any.whl" data-requires-python="{requires}">x</a>'
    (wheel,) = read(page, "text/html", "https://i.example/", "torch")
    assert wheel.fits(python, tags_of(python, LINUX)) is fits


def metadata(*requirements: str) -> str:
    head = ["Metadata-Version: 2.4", "Name: torch", "Version: 2.14.1"]
    return "\n".join(
        [*head, *(f"Requires-Dist: {r}" for r in requirements), "", "Requires-Dist: not a header any more"]
    )


@pytest.mark.parametrize(
    ("requirements", "machine", "build"),
    [
        # as in the default index's wheels of 2.14.1, 2.8.0, 2.7.1
        (['cuda-toolkit[cublas,cudart]==13.0.3; platform_system == "Linux"'], "x86_64", "cu130"),
        (['cuda-toolkit[cublas,cudart]==13.2.2; platform_system == "Linux"'], "x86_64", "cu132"),
        (
            [
                'nvidia-cudnn-cu12==9.10.2.21; platform_system == "Linux" and platform_machine == "x86_64"',
                'nvidia-cuda-nvrtc-cu12==12.8.93; platform_system == "Linux" and platform_machine == "x86_64"',
            ],
            "x86_64",
            "cu128",
        ),
        (['nvidia-cuda-runtime-cu12==12.6.77; platform_system == "Linux"'], "x86_64", "cu126"),
        (['nvidia-cuda-runtime-cu11==11.7.99; platform_system == "Linux"'], "x86_64", "cu117"),
        (["nvidia-cuda-runtime==13.0.*"], "x86_64", "cu130"),
        # an Arm wheel of the same release requires CUDA only elsewhere
        (
            ['nvidia-cuda-nvrtc-cu12==12.8.93; platform_system == "Linux" and platform_machine == "x86_64"'],
            "aarch64",
            "cpu",
        ),
        (["numpy", "filelock", "nonsense ::", 'cuda-toolkit==13.0; sys_platform == "win32"'], "x86_64", "cpu"),
        (['cuda-bindings<14,>=13.0.3; platform_system == "Linux"', "cuda-toolkit==13.0.3"], "x86_64", "cu130"),
    ],
)
def test_the_build_of_a_wheel_without_label(requirements: list[str], machine: str, build: str) -> None:
    assert build_of(metadata(*requirements), machine) == build
