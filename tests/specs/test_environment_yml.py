"""environment.yml: files that people really have, and files that envtool writes."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from envtool import specs
from envtool.encoding import decode
from envtool.environment import set_by_activation
from envtool.errors import EnvtoolError, ExitCode
from envtool.model import Spec
from envtool.specs import environment_yml


def read(text: str) -> Spec:
    return environment_yml.read(text, "environment.yml").spec


def test_everything_that_conda_knows_is_read() -> None:
    reading = environment_yml.read(
        """
name: dl
channels: [pytorch, conda-forge, nodefaults]
dependencies:
  - python=3.10
  - numpy >=1.21,<2
  - conda-forge::bzip2=1.0.8=h99b78c6_7
  - pip
  - pip:
      - -r more.txt
      - --extra-index-url https://example.org/whl/cu118
      - torch==2.1.0+cu118 ; sys_platform == 'linux'
      - -e ./here
      - git+https://git.example/x.git@main
variables: {VERSION: 1.10, FLAG: yes, EMPTY: }
prefix: /home/me/envs/dl
category: dev
""",
        "environment.yml",
    )
    assert reading.spec == Spec(
        name="dl",
        channels=("pytorch", "conda-forge", "nodefaults"),
        conda=("python=3.10", "numpy >=1.21,<2", "conda-forge::bzip2=1.0.8=h99b78c6_7", "pip"),
        pip=(
            "-r more.txt",
            "--extra-index-url https://example.org/whl/cu118",
            "torch==2.1.0+cu118 ; sys_platform == 'linux'",
            "-e ./here",
            "git+https://git.example/x.git@main",
        ),
        variables={"VERSION": "1.10", "FLAG": "yes", "EMPTY": ""},
    )
    assert [("prefix" in warning, "category" in warning) for warning in reading.warnings] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "dependencies:\n- numpy\n",
        "channels:\nname:\ndependencies:\n  - numpy\n",
        "dependencies: &d [numpy]\n",
        "\r\ndependencies:\r\n  - numpy   # a comment\r\n",
        "x: &x {dependencies: [numpy]}\n<<: *x\n",
    ],
)
def test_forms_of_the_same(text: str) -> None:
    assert read(text) == Spec(conda=("numpy",))


def test_old_exports_of_conda_are_read() -> None:
    assert read("channels: !!python/tuple\n- defaults\ndependencies:\n- menpo::tbb=4.3_20141023=0\n") == Spec(
        channels=("defaults",), conda=("menpo::tbb=4.3_20141023=0",)
    )


def test_powershells_encoding_is_read() -> None:
    text = decode("name: dl\r\ndependencies:\r\n  - numpy\r\n".encode("utf-16"))
    assert specs.read(text, "environment.yml").spec == Spec(name="dl", conda=("numpy",))


def test_a_name_that_is_a_path_is_left_out() -> None:
    reading = environment_yml.read("name: C:\\envs\\dl\ndependencies: []\n")
    assert reading.spec.name == ""
    assert "C:\\envs\\dl" in reading.warnings[0]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("# nothing\n", 1, "comments"),
        ("- a list\n", 1, "dependencies"),
        ("name: x\nchannels: [a]\n", 1, "missing"),
        ("name: x\ndependecies: [a]\n", 2, "dependecies should be dependencies"),
        ("name: x\ndependencies: numpy\n", 2, "must be a list"),
        ("dependencies:\n  python: 3\n", 2, "must be a list"),
        ("dependencies:\n  - numpy\n  - - scipy\n", 3, "list inside"),
        ("dependencies:\n  - numpy\n  - sel(linux): x\n", 3, "sel(linux)"),
        ("dependencies:\n  - numpy\n  - Pip:\n    - x\n", 4, "'Pip'"),
        ("dependencies:\n  - git+https://git.example/x.git\n", 2, "git+https"),
        ("dependencies:\n  - -e .\n", 2, "-e ."),
        ("dependencies:\n  - pip: torch\n", 2, "`pip` must be a list"),
        ("dependencies:\n  - pip:\n    - a\n    - pip:\n      - b\n", 4, "one requirement"),
        ("dependencies:\n  - pip:\n    - a\n    - conda-forge::b\n", 4, "channel"),
        ("dependencies:\n  - pip:\n    - a b\n", 3, "not a valid requirement"),
        ("dependencies:\n  - pip:\n    - ''\n", 3, "empty"),
        ("dependencies:\n  - thiswontwork\n  invalid\n", 4, "YAML"),
        ("dependencies:\n\t- numpy\n", 2, "YAML"),
        ("dependencies: []\n---\ndependencies: []\n", 2, "YAML"),
        ("dependencies:\n  - a\x07\n", 2, "control character"),
        ("name: a\ndependencies: []\nname: b\n", 3, "twice"),
        ("python: 3.8\nbuild_dependencies: [pip]\ndependencies: [-r r.txt]\n", 2, "MLflow"),
        ("name: CI\non: push\njobs: {}\n", 3, "workflow"),
        ("channels: [a]\nshow_channel_urls: true\n", 2, ".condarc"),
        ("variables: 7\ndependencies: []\n", 1, "variables"),
        ("variables:\n  A: [1]\ndependencies: []\n", 2, "A"),
        ("name: [a]\ndependencies: []\n", 1, "name"),
        ("channels:\n  - {a: b}\ndependencies: []\n", 2, "channels"),
        ("channels: conda-forge\ndependencies: []\n", 1, "must be a list"),
    ],
)
def test_a_mistake_is_reported_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        specs.read(text, "environment.yml")
    assert caught.value.code == ExitCode.BAD_INPUT
    assert caught.value.message.startswith(f"environment.yml, line {line}: ")
    assert word in caught.value.message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("dependencies: [python]\npip:\n  - six\n", "`pip:`"),
        ("dependencies: [python]\npip_requirements: [six]\n", "`pip_requirements:`"),
        ("dependencies: [python]\nchannel: [mine]\n", "channels"),
        ("dependencies: [python]\nDependencies: [six]\n", "dependencies"),
        ("dependencies: [python]\nvariable: {A: b}\n", "variables"),
        ("dependencies: [python]\nextra-packages: [six]\n", "extra-packages"),
        ("dependencies: [python]\nconda:\n  - six\n", "conda"),
    ],
)
def test_a_key_is_not_ignored_where_something_asked_for_would_be_missing(text: str, word: str) -> None:
    with pytest.raises(EnvtoolError) as caught:
        read(text)
    assert caught.value.code == ExitCode.BAD_INPUT
    assert word in caught.value.message


def test_packages_that_conda_lists_as_pips_go_to_pip() -> None:
    reading = specs.read("dependencies:\n  - python=3.11\n  - six=1.16.0=pypi_0\n", "environment.yml")
    assert (reading.spec.conda, reading.spec.pip) == (("python=3.11",), ("six==1.16.0",))
    assert "Line 3" in reading.warnings[0]


def test_variables_that_cannot_be_set_are_left_out_and_said() -> None:
    text = 'dependencies: []\nvariables:\n  PATH: /x\n  A-B: x\n  1A: x\n  CONDA_PREFIX: x\n  N: "a\\0"\n  GOOD: x\n'
    reading = specs.read(text, "environment.yml")
    assert reading.spec.variables == {"GOOD": "x"}
    assert [warning.split(":")[0] for warning in reading.warnings] == [f"Line {line}" for line in (3, 4, 5, 6, 7)]


def test_a_file_for_other_platforms_is_taken_and_said() -> None:
    reading = specs.read("platforms: [win-64, osx-64]\ndependencies: [six]\n", "environment.yml")
    assert "win-64, osx-64" in reading.warnings[0]


def test_a_wrong_place_for_pips_packages_is_explained() -> None:
    with pytest.raises(EnvtoolError) as caught:
        read("dependencies:\n  - torch @ https://example.org/torch.whl\n")
    assert "- pip:" in caught.value.hint


def test_what_is_written_is_condas_form() -> None:
    spec = Spec(
        name="yes",
        channels=("conda-forge", "http://127.0.0.1:8000/mine"),
        conda=("python=3.10", "pip"),
        pip=("--extra-index-url https://example.org/whl/cu118", "torch==2.1.0+cu118"),
        variables={"A": "1.10"},
    )
    assert environment_yml.write(spec) == (
        "name: 'yes'\n"
        "channels:\n  - conda-forge\n  - http://127.0.0.1:8000/mine\n"
        "dependencies:\n  - python=3.10\n  - pip\n"
        "  - pip:\n      - --extra-index-url https://example.org/whl/cu118\n      - torch==2.1.0+cu118\n"
        "variables:\n  A: '1.10'\n"
    )
    assert environment_yml.write(Spec()) == "dependencies: []\n"


words = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
any_text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text("abY:/-. #=~!*+%&<1'", max_size=9)
)
texts = any_text.filter(lambda text: text and text.strip() == text)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)
conda_specs = st.builds(lambda n, o, v: f"{n}{o}{v}", words, st.sampled_from(["=", "==", " >=", ">=", "<"]), versions)
pip_lines = st.builds(lambda n, v, m: f"a{n}z=={v}{m}", words, versions, st.sampled_from(["", " ; os_name == 'nt'"]))


def whole_specs(variables: st.SearchStrategy[str]) -> st.SearchStrategy[Spec]:
    return st.builds(
        Spec,
        name=texts.filter(lambda text: "/" not in text and "\\" not in text),
        channels=st.lists(texts).map(tuple),
        conda=st.lists(conda_specs).map(tuple),
        pip=st.lists(pip_lines).map(tuple),
        variables=st.dictionaries(variables, any_text.filter(lambda text: "\0" not in text)),
    )


class Reference(yaml.SafeDumper):
    """PyYAML's own layout of such a file, with lists below their key, as conda writes them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def in_quotes_where_it_must_be(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'  # PyYAML's own choice loses some of Unicode's line ends
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Reference.add_representer(str, in_quotes_where_it_must_be)


@given(whole_specs(words))
def test_what_is_written_is_what_pyyaml_writes(spec: Spec) -> None:
    content: dict[str, object] = {"name": spec.name} | ({"channels": [*spec.channels]} if spec.channels else {})
    content["dependencies"] = [*spec.conda, *([{"pip": [*spec.pip]}] if spec.pip else [])]
    content |= {"variables": {**spec.variables}} if spec.variables else {}
    expected = yaml.dump(content, Dumper=Reference, sort_keys=False, allow_unicode=True, width=1 << 30)
    assert environment_yml.write(spec) == expected


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True).filter(lambda name: not set_by_activation(name))


@given(whole_specs(names))
def test_what_is_written_is_read_back(spec: Spec) -> None:
    assert read(environment_yml.write(spec)) == spec


@given(st.text(st.sampled_from("ab:-# \n\t'\"[]{}&*!|>%@`pi,=")))
def test_no_text_brings_anything_but_an_error_with_a_line(text: str) -> None:
    try:
        specs.read(text, "environment.yml")
    except EnvtoolError as error:
        message, code = error.message, error.code
    else:
        return
    assert code == ExitCode.BAD_INPUT
    assert message.startswith("environment.yml, line ")
