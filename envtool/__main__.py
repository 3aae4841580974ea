"""``python -m envtool``: the same as ``envtool``."""

from envtool.cli.main import main

if __name__ == "__main__":
    main()
