"""The bundle: what ``envtool verify-gpu`` runs inside the environment under test.

It needs Python 3.8, the standard library and torch 1.13 or newer, imports nothing of envtool, and speaks JSON lines:
one event each, on standard output. ``python -I -B smoke/__main__.py --device cpu`` runs it by hand.

- ``__main__`` reads the arguments. It becomes the supervisor, or with ``--worker`` the worker.
- ``supervisor`` decides what runs, starts workers, and outlives their crashes and hangs. It never imports torch.
- ``worker`` imports torch and runs one check after the other.
- ``registry`` is the list of checks, ``context`` what a check works with, ``checks/`` one file per family.

A new check is one function in one file: ``@check("pool.max", family="max pooling")``.
"""
