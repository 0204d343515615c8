"""Who may see the dashboard: decisions only, no sockets."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import socket
from dataclasses import dataclass, field

from edge_runtime.errors import ConfigError

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
SHORTEST_PASSWORD = 8


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(host: str, password: str | None) -> None:
    """Refuse to listen beyond this machine without a password.

    Parameters
    ----------
    host : str
        Address or name to listen on.
    password : str or None

    Raises
    ------
    ConfigError
        The address is reachable from elsewhere and the password is missing or
        shorter than 8 characters.
    """
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise ConfigError(
            f"[web] password has {len(password)} characters; use at least {SHORTEST_PASSWORD}"
        )
    if password is None and not is_loopback(host):
        raise ConfigError(
            f"[web] host {host!r} can be reached from other machines; set [web] password "
            "(or GALAXY_EDGE_PASSWORD), or listen on 127.0.0.1"
        )


@dataclass(frozen=True, slots=True)
class DashboardAccess:
    """Rules for requests to the dashboard.

    Attributes
    ----------
    host : str
        Address the dashboard listens on.
    password : str or None
        Asked of everybody where it is set; mandatory beyond loopback.
    user : str
        Name that goes with the password.
    names : tuple of str
        Further host names under which the dashboard is reached.

    Raises
    ------
    ConfigError
        As ``check_bind``.
    """

    host: str = "127.0.0.1"
    password: str | None = field(default=None, repr=False)
    user: str = "observer"
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_bind(self.host, self.password)

    def allows_host(self, header: str) -> bool:
        """Whether the Host header of a request names this machine.

        A web page elsewhere can make its own name point here (DNS rebinding)
        and would then read the dashboard through the visitor's browser. Its
        name is in the header. An address instead of a name is safe, and is
        allowed where the dashboard listens beyond loopback.
        """
        host = host_of(header)
        if host in LOOPBACK_NAMES or host in {name.lower() for name in self.names}:
            return True
        if is_loopback(self.host):
            return host == self.host.lower()
        machine = socket.gethostname().lower()
        if host in {self.host.lower(), machine, f"{machine.split('.')[0]}.local"}:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def allows_authorization(self, header: str) -> bool:
        """Whether an Authorization header carries the right name and password.

        Compared in constant time. True for anything where no password is set.
        """
        if self.password is None:
            return True
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.user}:{self.password}".encode())


def host_of(header: str) -> str:
    """Host of a Host header without the port, in lower case, IPv6 without brackets."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].rstrip(".")
