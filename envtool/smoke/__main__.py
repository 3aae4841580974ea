"""Entry point: ``python -I -B smoke/__main__.py --device cpu``. Loads this folder by path as a top-level package."""

from __future__ import annotations

import importlib.util
import os
import sys

PACKAGE = "envtool_smoke"


def _load() -> None:
    """Make this folder importable under a name that no installed package uses."""
    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        sys.exit("%s: the verification bundle is incomplete" % folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    _load()
    from envtool_smoke.arguments import main  # type: ignore[import-not-found]

    sys.exit(main(sys.argv[1:]))
