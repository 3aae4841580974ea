"""A conda that is held after its solve, and again after its downloads: it solves once for the plan and the change.

``holder.py`` runs inside conda's own Python and runs the installed program unchanged; it waits before the first byte is
fetched and before the first file is linked. ``client.py`` is the side of envtool. They talk in lines: the holder ends
what it prints at a stop with one of the marks below, and goes on when it reads ``go``.
"""
