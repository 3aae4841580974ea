"""Kinds of addresses that a host name has: a site with IPv6 ones alone cannot be reached from a network without."""

import ipaddress
import socket
from typing import Literal
from urllib.parse import urlsplit

Family = Literal["", "IPv4", "IPv6"]


def only_family(url: str) -> Family:
    """Return the one kind of address that the host name of a URL has; "" for both, an address, or an unknown name."""
    name = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        pass
    else:
        return ""
    try:
        found = {entry[0] for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return ""
    if found == {socket.AF_INET}:
        return "IPv4"
    return "IPv6" if found == {socket.AF_INET6} else ""
