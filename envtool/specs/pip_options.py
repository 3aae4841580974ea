"""The options that pip takes in a requirements file, and what to do about those that it takes elsewhere only."""

import re
from typing import NamedTuple

from envtool.i18n import tr
from envtool.specs.problem import Place, problem

VALUED = frozenset(
    (
        "--index-url --pypi-url --extra-index-url --constraint --requirement --editable --find-links --no-binary "
        "--only-binary --trusted-host --use-feature -i -c -r -e -f"
    ).split()
)
FLAGS = frozenset("--no-index --prefer-binary --require-hashes --pre".split())
OF_A_PATH = ("-e", "--editable", "-r", "--requirement", "-c", "--constraint")
INDEXES = ("-i", "--index-url", "--pypi-url")
OF_REQUIREMENT = re.compile(r"--(?:hash|config-settings?|global-option|install-option)(?:=|$)")

_OPTION = re.compile(r"(?P<name>-[icref]|--[a-z-]+)(?P<glue>=?)(?P<value>.*)")
_COMMAND_LINE = frozenset(
    (
        "--no-build-isolation --no-deps --no-dependencies --no-cache-dir --cache-dir --upgrade -U --user --target -t "
        "--prefix --root --src --upgrade-strategy --force-reinstall --ignore-installed -I --ignore-requires-python "
        "--no-use-pep517 --use-pep517 --check-build-dependencies --break-system-packages --no-compile --compile "
        "--no-warn-script-location --no-warn-conflicts --no-clean --progress-bar --dry-run --report --quiet -q "
        "--verbose -v --yes -y --proxy --retries --timeout --cert --client-cert --no-input --keyring-provider "
        "--isolated --use-deprecated --disable-pip-version-check --root-user-action --platform --python-version "
        "--implementation --abi --group --no-require-hashes --only-deps --build-constraint --process-dependency-links"
    ).split()
)


class RemovedOption(NamedTuple):
    """An option of one requirement that pip has no longer, and the release (``25.3``) that came without it."""

    option: str
    release: tuple[int, int]


REMOVED = (RemovedOption("--install-option", (23, 1)), RemovedOption("--global-option", (25, 3)))


def name_of(text: str, place: Place) -> str:
    """Return the name of the option that a text begins with. Raises EnvtoolError where a file may not have it."""
    word = text.split(maxsplit=1)[0]
    found = _OPTION.match(word)
    name = found["name"] if found else ""
    if name in VALUED or (name in FLAGS and not (found and found["value"])) or OF_REQUIREMENT.match(text):
        return name
    option = word.partition("=")[0]
    if option in _COMMAND_LINE:
        raise problem(place, tr("pip takes {option} on its command line only.", option=option), _way(option))
    raise problem(
        place,
        tr("pip has no option {option} in requirements files.", option=repr(option)),
        tr("Correct the line, or comment it out with #."),
    )


def _way(option: str) -> str:
    """Return what to do with an option that belongs on pip's command line."""
    if option == "--no-build-isolation":
        return tr(
            "Remove it, and set PIP_NO_BUILD_ISOLATION=0 for this run (pip negates the value), or install that package "
            "in a second step: envtool run -n NAME -- pip install --no-build-isolation PACKAGE"
        )
    return tr(
        "Remove it, and set it in pip's configuration, or install that package in a second step: "
        "envtool run -n NAME -- pip install {option} PACKAGE",
        option=option,
    )
