"""``python -m envtool`` is the command ``envtool``."""

from envtool.cli.entry import main

if __name__ == "__main__":
    main()
