"""The worker process of the embedded engine, in which py-rattler runs.

It is a process of its own because the library (0.28) may crash when its interpreter exits, continues to write in the
background after an error, and cannot be stopped from within. The worker ends with ``os._exit``.

The parent writes requests to its stdin, as JSON, one per line: ``solve``, ``explicit`` or ``link``. The worker answers
each with any number of ``progress`` events and one ``done`` or ``error`` event, also as JSON lines.
"""
