"""requirements.txt: pip's own lines, and others that people have in such files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envtool import specs
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Spec
from envtool.specs import requirements


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "git+ssh://git@host:22/me/x.git",
        "git+ssh://git@host/me/x.git",
        "-r https://host/file:more.txt",
        "numpy>=1.21,<2",
        "numpy === 1.21",
        "torch==2.1.0+cu118 ; sys_platform == 'linux'",
        "uvicorn[standard]==0.32",
        "x @ https://example.org/x-1.0.zip#sha256=abc",
        "x[y] @ git+https://git.example/x.git@main#subdirectory=python",
        "git+https://git.example/x.git#egg=x",
        "https://example.org/x-1.0-py3-none-any.whl",
        "./wheels/x-1.0-py3-none-any.whl",
        "x-1.0-py3-none-any.whl",
        "packages/x",
        ".",
        ".[dev]",
        "-e .",
        "-e git+https://git.example/x.git#egg=x",
        "-r more.txt",
        "-rmore.txt",
        "-c constraints.txt",
        "-i https://example.org/simple",
        "--index-url=https://example.org/simple",
        "--extra-index-url https://example.org/whl/cu118",
        "-f https://example.org/wheels",
        "--no-index",
        "--pre",
        "--only-binary :all:",
        "https://${TOKEN}@example.org/x.zip",
        "numpy==1.0 --hash=sha256:ab --hash=sha256:cd",
    ],
)
def test_a_line_that_pip_understands_stays_as_it_is(line: str) -> None:
    reading = requirements.read(line)
    assert reading.spec.pip == (line,)
    assert reading.warnings == ()


def test_comments_go_and_continued_lines_become_one() -> None:
    text = "# head\nnumpy==1.0 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd  # two\n\n  torch\t# why\nx @ https://e.org/x#egg=x\n\\\n"
    assert [" ".join(line.split()) for line in requirements.read(text).spec.pip] == [
        "numpy==1.0 --hash=sha256:ab --hash=sha256:cd",
        "torch",
        "x @ https://e.org/x#egg=x",
    ]


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("torch=2.1.0", "torch==2.1.0"),
        ("torch = 2.1.0 ; os_name == 'nt'", "torch==2.1.0 ; os_name == 'nt'"),
        ("pip install numpy==1.0", "numpy==1.0"),
        ("!pip3 install numpy", "numpy"),
        ("Bottleneck @ file:///C:/miniconda3/conda-bld/bottleneck_1761938096667/work", "Bottleneck"),
        ("x @ file:///home/me/dl/x-1.2-py3-none-any.whl", "x==1.2"),
        ("x @ file:///home/me/dl/x-1.2%2Bcu118-py3-none-any.whl#sha256=ab", "x==1.2+cu118"),
        ("x@file:///home/me/dl/x-1.2.tar.gz", "x==1.2"),
        ("x[y] @ file:///croot/x_1/work", "x[y]"),
        ("x @ file:///croot/x_1/work ; python_version < '3.9'", "x ; python_version < '3.9'"),
        ("x @ file:///croot/x-1.2.tar.gz#sha256=ab; os_name == 'nt'", "x==1.2 ; os_name == 'nt'"),
        ("absl-py (0.7.1)", "absl-py==0.7.1"),
        ("mine (0.1, /home/me/mine)", "mine==0.1"),
        ("git+git@host:me/x.git#egg=x", "git+ssh://git@host/me/x.git#egg=x"),
        ("git@host:me/x.git", "git+ssh://git@host/me/x.git"),
        ("x @ git+git@host:me/x.git@v1", "x @ git+ssh://git@host/me/x.git@v1"),
        ("x@git+git@host:me/x.git", "x@git+ssh://git@host/me/x.git"),
        ("git+ssh://git@host:me/x.git", "git+ssh://git@host/me/x.git"),
        ("-e git+git@host:me/x.git#egg=x", "-e git+ssh://git@host/me/x.git#egg=x"),
        ("--editable=git@host:/srv/x.git#egg=x", "--editable git+ssh://git@host/srv/x.git#egg=x"),
        ("-r file:more.txt", "-r more.txt"),
        ("-c file:./pins.txt", "-c ./pins.txt"),
        ("--requirement=file:///srv/a%20b.txt", "--requirement /srv/a b.txt"),
        ("-r file://localhost/srv/more.txt", "-r /srv/more.txt"),
    ],
)
def test_a_line_that_only_needs_mending_is_mended_and_said(line: str, taken: str) -> None:
    reading = requirements.read(f"first\n{line}\n")
    assert reading.spec.pip == ("first", taken)
    assert "Line 2" in reading.warnings[0]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a\nb c\n", 2, "'b c'"),
        ("Package Version Location\n", 1, "no rows"),
        ("Package    Version\n---------- -------\nabsl-py\n", 3, "row"),
        ("a\n\nPackage    Version\n---------- -------\nabsl-py    0.8\n", 1, "row"),
        ("--pre\nconda-forge::numpy\n", 2, "channel"),
        ("--no-such-option\n", 1, "option"),
        ("-ffoo\n--i x\n", 2, "option"),
        ("numpy>=1.*.x\n", 1, "not a valid requirement"),
        ("a\\\n==\\\n\nb=\n", 1, "not a valid requirement"),
        ("<<<<<<< HEAD\n", 1, "<<<<<<<"),
        ("pip install --target x y\n", 1, "--target"),
        ("numpy --frob x\n", 1, "--frob"),
        ('TOKEN="a=b"\n', 1, "TOKEN"),
        ("numpy#1\n", 1, "numpy#1"),
        ("conda install a=1 -c b\n", 1, "a=1 -c b"),
        ("a==1 \\ \n    --hash=sha256:ab\n", 1, "backslash"),
    ],
)
def test_a_mistake_is_reported_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        specs.read(text, "requirements.txt")
    assert caught.value.code == ExitCode.BAD_INPUT
    assert caught.value.message.startswith(f"requirements.txt, line {line}: ")
    assert word in caught.value.message


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        (
            "torch==2.0.1 --index-url https://e.org/whl/cu118",
            ("--extra-index-url https://e.org/whl/cu118", "torch==2.0.1"),
        ),
        ("jax[cuda] -f https://e.org/jax.html", ("-f https://e.org/jax.html", "jax[cuda]")),
        ("a>=1 --no-binary a,b", ("--no-binary a,b", "a>=1")),
        ("a==1 --hash=sha256:ab --pre", ("--pre", "a==1 --hash=sha256:ab")),
        ("--find-links=https://e.org/t torch==1.8.0+cu111", ("--find-links=https://e.org/t", "torch==1.8.0+cu111")),
        ("pip install -U torch torchvision -i https://e.org/s", ("-i https://e.org/s", "torch", "torchvision")),
        ("python -m pip install -e .", ("-e .",)),
    ],
)
def test_options_and_packages_on_one_line_are_parted(line: str, lines: tuple[str, ...]) -> None:
    reading = requirements.read(f"first\n{line}\n")
    assert reading.spec.pip == ("first", *lines)
    assert "Line 2" in reading.warnings[0]


@pytest.mark.parametrize("line", ["python", "python==3.8.5", "Python>=3.6,<3.9", "python = 3.8.*"])
def test_the_interpreter_goes_to_conda(line: str) -> None:
    reading = requirements.read(f"{line}\nnumpy\n")
    assert reading.spec == Spec(conda=(f"python{line[6:]}",), pip=("numpy",))
    assert "Line 1" in reading.warnings[0]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("conda install numpy -c conda-forge", "environment.yml"),
        ("x=={{latest}}", "template"),
        ("======= ", "merge"),
        ("x==1#two", "space"),
        ("what is this", "Correct"),
    ],
)
def test_a_mistake_comes_with_what_to_do(line: str, word: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        requirements.read(line)
    assert word in caught.value.hint


def test_no_login_is_repeated() -> None:
    with pytest.raises(EnvtoolError) as caught:
        requirements.read("x = https://me:secret@e.org/x y\n")
    assert "secret" not in str(caught.value)
    assert "secret" not in str(requirements.read("x --index-url https://me:secret@e.org/s\n").warnings)


def test_lines_of_conda_list_among_requirements_go_to_their_halves() -> None:
    text = "# by hand\nscipy\nnumpy=1.26.4=py311_0\nabsl-py=1.4.0=pypi_0\n"
    reading = requirements.read(text)
    assert reading.spec == Spec(conda=("numpy=1.26.4=py311_0",), pip=("scipy", "absl-py==1.4.0"))
    assert "conda" in reading.warnings[0]


def test_lines_of_conda_list_that_were_mended_by_hand_go_to_their_halves() -> None:
    reading = specs.read("six==1.16.0=pypi_0\nleaf==1.0=0\nnumpy\n", "requirements.txt")
    assert reading.spec == Spec(conda=("leaf=1.0=0",), pip=("six==1.16.0", "numpy"))
    assert len(reading.warnings) == 2


@pytest.mark.parametrize("option", ["--no-build-isolation", "--no-deps", "--user", "--target", "-U", "--upgrade"])
@pytest.mark.parametrize("line", ["{} -e ./own", "{}=1", "own {}"])
def test_an_option_of_pips_command_line_is_named_alone_with_a_way_on(option: str, line: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        requirements.read(line.format(option))
    assert f" {option} on its command line only" in caught.value.message
    assert f"pip install {option}" in caught.value.hint


@pytest.mark.parametrize(
    ("selector", "kept"),
    [
        ("# [win]", False),
        ("# [osx]", False),
        ("# [linux or osx or win]", True),
        ("# [unix or win]", True),
        ("#[not win and not unix]", False),
        ("# because of numpy  # [not (linux or osx or win)]", False),
        ("# [py3k]", True),
        ("# [see the wiki]", True),
        ("# [" + "not " * 20 + "x]", True),
        ("# linux only", True),
    ],
)
@pytest.mark.parametrize("form", ["x.txt", "x.yml", "pip.yml"])
def test_a_line_for_another_platform_is_left_out_and_said(selector: str, kept: bool, form: str) -> None:
    text = {
        "x.txt": f"six\nmine  {selector}\n",
        "x.yml": f"dependencies:\n  - six\n  - mine  {selector}\n",
        "pip.yml": f"dependencies:\n  - six\n  - pip:\n    - mine  {selector}\n",
    }[form]
    reading = specs.read(text, form)
    assert ("mine" in (*reading.spec.conda, *reading.spec.pip)) == kept
    assert any("mine" in warning for warning in reading.warnings) == (not kept)


def test_each_line_knows_where_it_was_written() -> None:
    reading = specs.read("six\n\npip install idna -i https://host/simple\n", "requirements.txt")
    assert reading.spec.places == {
        "six": "requirements.txt, line 1",
        "idna": "requirements.txt, line 3",
        "-i https://host/simple": "requirements.txt, line 3",
    }


def test_an_empty_file_asks_for_nothing() -> None:
    assert specs.read("", "requirements.txt").spec == Spec()


LINES = ("numpy", "-e .", "x @ https://e.org/x#egg=x", "torch==2.1.0+cu118", "--pre", "a==1 --hash=sha256:ab")


@given(st.lists(st.sampled_from(LINES)))
def test_what_is_written_is_read_back(pip: list[str]) -> None:
    assert requirements.read(requirements.write(pip)).spec.pip == tuple(pip)


@given(st.text())
def test_no_text_brings_anything_but_an_error_with_a_line(text: str) -> None:
    try:
        specs.read(text, "x.txt")
    except EnvtoolError as error:
        message, code = error.message, error.code
    else:
        return
    assert code == ExitCode.BAD_INPUT
    assert message.startswith("x.txt, line ")
