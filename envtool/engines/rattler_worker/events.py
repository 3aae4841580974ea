"""The events that the worker writes to stdout."""

import json
import sys


def emit(**event: object) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
