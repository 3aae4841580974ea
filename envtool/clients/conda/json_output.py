"""The JSON document in the output of conda or mamba."""

import re
from typing import Any

from envtool.documents import parse_json

Json = dict[str, Any]


def last_document(text: str) -> Json:
    """Return the JSON object at the end of the output, or {} if there is none.

    Older versions of conda print progress documents before it, separated by NUL; mamba prints the output of link
    scripts, and a wrapper script may print a greeting.
    """
    for start in re.finditer(r"\{(?=[\n\"}])", text[text.rfind("\0") + 1 :]):
        try:
            document = parse_json(start.string[start.start() :])
        except ValueError:
            continue
        return document if isinstance(document, dict) else {}
    return {}
