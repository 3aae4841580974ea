"""Command lines of conda and pip, and what does the same here.

A pattern is what people type after ``conda`` or ``pip``: its words stand first in a command line, in this order, and
its options anywhere; a word with ``*`` may stand anywhere, too, and ``|`` separates alternatives. The first pattern
that fits counts. The parser knows nothing of this: what envtool learns to do itself is never answered from here.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from envtool.i18n import tr

# What works as it is typed: it stands for this command line, and the rest is added behind it or in place of `...`.
SAME = {
    "env list": "list",
    "env create": "create",
    "env remove": "remove",
    "env export": "export",
    "env config vars list": "vars show",
    "env config vars": "vars",
    "export --no-builds": "export",
    "info --envs|-e": "list",
    "list --explicit --md5|--sha256": "export --format explicit",
    "list --explicit": "export --format explicit",
    "list --format=freeze": "export --format requirements",
    "list --format freeze": "export --format requirements",
    "freeze --all|--local|-l": "export --format requirements",
    "freeze": "export --format requirements",
    "upgrade": "update",
    "config --add|--prepend channels": "channel add",
    "config --append channels": "channel add --last",
    "config --remove channels": "channel remove",
    "config --show|--get channels": "channel list",
    "config --show-sources": "channel list",
    "config --show": "mirror show",
    "config list|debug": "mirror show",
    "help": "... --help",
}

# The answer to what the parser refuses. Holes: {NAME} the environment, {WORDS} what else was typed.
ANSWERS = {
    "activate": tr(
        "To work in an environment: envtool shell {NAME}. For one command: envtool run -n {NAME} -- COMMAND"
    ),
    "deactivate": tr("`exit` leaves `envtool shell`. Elsewhere: conda deactivate, or deactivate for a venv."),
    "init": tr("No set-up is needed: envtool shell NAME. For shell completion: envtool --install-completion"),
    "config --remove-key": tr("To see and remove channels: envtool channel list, envtool channel remove CHANNEL"),
    "config set *index-url*": tr("To use an index: envtool mirror set {VALUE} --target pip"),
    "config unset *index-url*": tr("To use the default index again: envtool mirror unset --target pip"),
    "config": tr("Mirrors and channels are what can be set here: envtool mirror set NAME, envtool channel list"),
    "env update": tr("To add what a file lists, removing nothing: envtool install -n NAME -f FILE"),
    "env config": tr("Variables of an environment: envtool vars NAME. Channels: envtool channel list"),
    "env": tr("Commands have no `env` in front: envtool list, envtool create, envtool remove, envtool export"),
    "export --from-history": tr("To export all packages with their versions, without builds: envtool export"),
    "install --revision": tr(
        "To undo an interrupted change: envtool rollback {NAME}. Older states are not kept, only listed:"
        " envtool info {NAME}"
    ),
    "install --no-deps": tr("What a package needs is always installed, too: envtool install {WORDS}"),
    "list --revisions": tr("The last changes of an environment: envtool info {NAME}"),
    "list --md5|--sha256": tr("Archives with their hashes: envtool export {NAME} --format explicit"),
    "list --outdated|-o": tr("What would be updated: envtool update --dry-run"),
    "clean|cache": tr(
        "To empty the caches: conda clean --all, uv cache clean, pip cache purge. envtool's own is the folder"
        " ~/.cache/envtool: delete it when nothing is using it."
    ),
    "search": tr("To see what would be installed: envtool create NAME {WORDS} --dry-run"),
    "index versions": tr("To see what would be installed: envtool create NAME --pip {WORDS} --dry-run"),
    "compare": tr("To see what a file would add: envtool install -f {WORDS} --dry-run"),
    "doctor": tr("What is broken: envtool info {NAME}. Whether PyTorch works: envtool verify-gpu {NAME}"),
    "check": tr("What is broken: envtool info. pip's own check: envtool run -- python -m pip check"),
    "show": tr("Version and source: envtool list --packages {WORDS}. More: envtool run -- python -m pip show {WORDS}"),
    "download": tr("To fetch wheels: envtool run -- python -m pip download {WORDS}"),
    "wheel": tr("To build wheels: envtool run -- python -m pip wheel {WORDS}"),
    "rm": tr(
        "To remove an environment: envtool remove NAME. To remove conda: conda init --reverse --all, then delete its"
        " folder."
    ),
}

# Added to the hint where a command fails that envtool has, too, and that means something else to conda.
HINTS = {
    "update conda|anaconda": tr("conda updates itself: conda update -n base {ALL}"),
    "install|create *pytorch-cuda*|*cudatoolkit*|torch|torchvision|pytorch": tr(
        "For a PyTorch that runs on this machine: envtool bootstrap NAME"
    ),
}

# Added where there is no environment of the name, which may be that of a package.
NO_ENVIRONMENT = {
    "list *": tr("Packages of the active environment: envtool list --packages {WORDS}"),
    "remove *": tr("To remove packages from the active environment: envtool uninstall {WORDS}"),
}

_PROGRAMS = ("conda", "mamba", "micromamba", "pip", "pip3")

_TAKING_A_VALUE = ("-n", "--name", "-p", "--prefix", "-c", "--channel", "-f", "--file", "-r", "--requirement", "-i")


def translated(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command line that does here what these arguments mean; they themselves where no pattern fits."""
    for pattern, line in SAME.items():
        rest = _without(pattern, arguments)
        if rest is not None:
            before, dots, after = line.partition("...")
            return (*before.split(), *rest, *after.split()) if dots else (*line.split(), *rest)
    return tuple(arguments)


def answer(arguments: Sequence[str], table: Mapping[str, str] = ANSWERS) -> str:
    """Return what to type instead of a command line that was refused, or that failed; ``""`` where nothing is known."""
    if arguments and arguments[0] in _PROGRAMS and table is ANSWERS:
        return _without_program(arguments[0], arguments[1:])
    for pattern, text in table.items():
        rest = _without(pattern, arguments)
        if rest is not None:
            return _filled(text, arguments, rest)
    return ""


def _without_program(program: str, arguments: Sequence[str]) -> str:
    """Return what to type instead of a whole command line of conda or pip."""
    import shlex

    line = list(translated(arguments))
    if line == list(arguments) and (text := answer(arguments)):
        return text
    if program.startswith("pip") and line[:1] == ["install"]:
        specs = [place for place, _ in _words(line)][1:]
        for place in reversed(specs):
            line.insert(place, "--pip")
    return tr("Commands have no `{program}` in front: envtool {line}", program=program, line=shlex.join(line))


def _without(pattern: str, arguments: Sequence[str]) -> list[str] | None:
    """Return the arguments without those of a pattern; None where it does not fit."""
    rest = list(arguments)
    for alternatives in (token.split("|") for token in pattern.split()):
        words = dict(_words(rest))
        if "*" in alternatives[0]:
            if not any(fnmatchcase(word, token) for word in words.values() for token in alternatives):
                return None
            continue
        options = alternatives[0].startswith("-")
        places = range(len(rest)) if options else [*words][:1]
        found = next((place for place in places if rest[place] in alternatives), None)
        if found is None:
            return None
        del rest[found]
    return rest


def _words(arguments: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the place and text of every argument that is neither an option nor the value of one."""
    for place, word in enumerate(arguments):
        if not word.startswith("-") and (place == 0 or arguments[place - 1] not in _TAKING_A_VALUE):
            yield place, word


def _filled(text: str, arguments: Sequence[str], rest: Sequence[str]) -> str:
    """Return an answer with its holes filled, so that it can be pasted."""
    import shlex

    words = [word for _, word in _words(rest)]
    named = [rest[place + 1] for place, word in enumerate(rest[:-1]) if word in _TAKING_A_VALUE[:4]]
    holes = {
        "NAME": (*named, *words, "NAME")[0],
        "WORDS": shlex.join(words) or "PACKAGE",
        "VALUE": shlex.join(words[-1:]) or "URL",
        "ALL": shlex.join([word for _, word in _words(arguments)][1:]),
    }
    return text.format(**{name: shlex.quote(value) if name == "NAME" else value for name, value in holes.items()})
