"""``python -m envtool`` is the command ``envtool``."""

from envtool.cli.main import main

if __name__ == "__main__":
    main()
