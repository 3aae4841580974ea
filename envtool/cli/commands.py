"""Every command, in the order that --help lists them. A new command is one file and one line here."""

# isort: off
from envtool.cli import bootstrap  # noqa: F401
from envtool.cli import verify_gpu  # noqa: F401
from envtool.cli import create  # noqa: F401
from envtool.cli import list  # noqa: A004, F401
from envtool.cli import info  # noqa: F401
from envtool.cli import install  # noqa: F401
from envtool.cli import run  # noqa: F401
from envtool.cli import shell  # noqa: F401
from envtool.cli import vars  # noqa: A004, F401
from envtool.cli import clone  # noqa: F401
from envtool.cli import remove  # noqa: F401
from envtool.cli import resume  # noqa: F401
from envtool.cli import export  # noqa: F401
from envtool.cli import mirror  # noqa: F401
