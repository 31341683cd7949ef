"""A free port, the address that phones can reach, and the messages about both."""

import errno
import ipaddress
import os
import socket

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.services import Addresses

DEFAULT_PORT = 8000
DEFAULT_HOST = "127.0.0.1"


def resolve(*, host: str, port: int) -> Addresses:
    """Check the port before anything starts; 0 means any free one.

    Raises EmbeddedError with the busy port and what to do.
    """
    if port == 0:
        port = _free_port(host)
    check(host, port)
    public = os.environ.get("ANNOTARY_BASE_URL", "").strip() or f"http://{_display_host(host)}:{port}"
    return Addresses(host=host, port=port, public=public.rstrip("/"))


def check(host: str, port: int) -> None:
    problem = _problem(host, port)
    if problem is None:
        return
    if problem.errno == errno.EADDRINUSE:
        raise EmbeddedError(
            f"Port {port} on {host} is in use by another program. Choose another port, "
            f"such as 'python3 manage.py up --port {port + 10 if port < 65000 else 8010}'."
        )
    if problem.errno == errno.EACCES:
        raise EmbeddedError(f"Port {port} needs administrator rights. Choose a port above 1023 with --port.")
    raise EmbeddedError(
        f"This machine cannot listen on {host} ({(problem.strerror or str(problem)).lower()}). "
        "Use --host 127.0.0.1, or --host 0.0.0.0 to let phones on the same network connect."
    )


def _problem(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are still closing do not count as listeners.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def lan_address() -> str:
    """Return the address at which others on the network reach this machine; loopback if there is no network.

    Connecting a datagram socket sends nothing; it only consults the routing table (192.0.2.0/24 is for documentation).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address: str = probe.getsockname()[0]
            return address
        except OSError:
            return "127.0.0.1"


def host_names(addresses: Addresses) -> str:
    """Return the value of ANNOTARY_HOSTS: the only host names that the site answers to."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    if not is_loopback(addresses.host):
        names += [_display_host(addresses.host), lan_address(), socket.gethostname()]
    return ",".join(dict.fromkeys(names))


def _display_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        return lan_address()
    return f"[{host}]" if ":" in host else host
