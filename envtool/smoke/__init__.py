"""The verification bundle: the program that ``envtool verify-gpu`` runs inside the environment under test.

It needs Python 3.8, the standard library and torch 1.13 or newer. It imports nothing from envtool and writes events to
standard output as JSON, one per line. To run it by hand: ``python -I -B smoke/__main__.py --device cpu``.

- ``__main__`` and ``arguments`` start the supervisor or, with ``--worker`` or ``--rank``, one of its processes.
- ``supervisor`` selects the checks, starts workers, and survives their crashes and hangs. It never imports torch.
- ``worker`` imports torch and runs one check at a time.
- ``registry`` lists the checks, ``context`` is the object a check works with, ``checks/`` has one file per family.

A new check is one function in one file, decorated with ``@check("pool.max", family="max pooling")``.
"""
