"""JSON and YAML from files that anybody may have written: parsed with limits on nesting and repetition.

Without them a few bytes can take minutes, gigabytes or the interpreter's stack. What is refused raises the parsers' own
errors, with the place.
"""

import json
from typing import TYPE_CHECKING, Any

from envtool.i18n import tr

if TYPE_CHECKING:
    import yaml

DEPTH = 64  # levels of lists and mappings in YAML; configuration files use up to five
NODES = 200_000  # values of a YAML text, those of an alias counted wherever it stands
SLOW_LIMIT = 1 << 20  # characters that the parser in Python may take, which keeps every position: two seconds


def parse_json(data: bytes | str) -> Any:
    """Return what a JSON text says. Raises ValueError where it is none, or is nested too deeply."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError(tr("it is nested too deeply")) from None


def load_yaml(text: str) -> Any:
    """Return the values of a YAML text of plain types. Raises yaml.YAMLError, also for what :func:`check_yaml` does."""
    import yaml

    check_yaml(text)
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 - both are safe loaders
    except (ValueError, OverflowError) as error:  # a date such as 2026-99-99, an integer of 5,000 digits
        raise _refused(str(error), None) from None


def compose_yaml(text: str) -> "yaml.Node | None":
    """Return the root node of a YAML text, with positions. Raises yaml.YAMLError, also as :func:`check_yaml` does."""
    import yaml

    check_yaml(text, slow=True)
    root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return root


def check_yaml(text: str, *, slow: bool = False) -> None:
    """Raise yaml.MarkedYAMLError for a text that is nested or repeats itself beyond what any real file does.

    ``slow``: it is to be read by the parser in Python, which also says what is wrong with a text that is no YAML.
    Without it such a text raises yaml.YAMLError here.
    """
    import yaml

    if slow and len(text) > SLOW_LIMIT:
        raise _refused(tr("the file is larger than {size} MiB", size=SLOW_LIMIT >> 20), None)
    try:
        _count(text)
    except yaml.scanner.ScannerError as error:
        if "nesting" in str(error.problem):  # the parser in C has a limit of its own, the one in Python none
            raise _refused(tr("it is nested too deeply"), error.problem_mark) from None
        if not slow:
            raise
    except (yaml.parser.ParserError, yaml.reader.ReaderError):
        if not slow:
            raise


def _count(text: str) -> None:
    import yaml

    anchors: dict[str, int] = {}
    unfinished: list[tuple[str | None, int]] = []  # collections: the anchor, and the number of values before it
    count = 0
    for event in yaml.parse(text, Loader=_loader()):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = unfinished.pop()
            if anchor:
                anchors[anchor] = count - before
            continue
        if isinstance(event, yaml.CollectionStartEvent):
            unfinished.append((event.anchor, count))
        if isinstance(event, yaml.NodeEvent):
            count += anchors.get(event.anchor or "", 1) if isinstance(event, yaml.AliasEvent) else 1
        if len(unfinished) > DEPTH:
            raise _refused(tr("it is nested too deeply"), event.start_mark)
        if count > NODES:
            raise _refused(tr("it holds too many values"), event.start_mark)


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it


def _refused(reason: str, mark: Any) -> "yaml.MarkedYAMLError":
    import yaml

    return yaml.MarkedYAMLError(None, None, reason, mark)
