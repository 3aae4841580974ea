"""conda: its configuration files, its settings in force, and the channels that names stand for under them."""

from envtool.clients.conda.channels import canonical_name, channel_urls, refused_channels
from envtool.clients.conda.condarc import config_files
from envtool.clients.conda.settings import CondaSettings, http_settings, in_force, merge
from envtool.clients.conda.slips import SLIPS, slip

__all__ = [
    "SLIPS",
    "CondaSettings",
    "canonical_name",
    "channel_urls",
    "config_files",
    "http_settings",
    "in_force",
    "merge",
    "refused_channels",
    "slip",
]
