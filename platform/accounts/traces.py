"""From which network and device people work, as keyed hashes: shows managers accounts that one person may use.

Neither an address nor a cookie is stored. The network is the address without its last part (/24, or /48 for IPv6); the
device is a random cookie of the worker's pages. Both are hashed with a key that is derived from the installation's
secret and used for nothing else, so a hash can only be compared with another one of this table. Rows are deleted `KEPT`
after they were last seen, and with the person.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from datetime import timedelta

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.models import Actor, Trace
from accounts.profiles import record_device
from kernel.clock import database_now

#: How long a trace is kept after it was last seen.
KEPT = timedelta(days=30)
#: The cookie that tells devices apart, and how long a browser keeps it.
DEVICE_COOKIE = "annotary_device"
_COOKIE_SECONDS = 365 * 24 * 3600
_COOKIE_VALUE = re.compile(r"[0-9a-f]{32}")
#: A trace is written at most once in this time: claims should not write it each time.
_SECONDS_BETWEEN_WRITES = 12 * 3600

# In the order of kinds, so that two requests of one person lock the rows in the same order.
WRITE = """
INSERT INTO accounts_trace (actor_id, kind, digest, seen_at)
SELECT %(actor)s, t.kind, t.digest, clock_timestamp()
FROM unnest(%(kinds)s::text[], %(digests)s::text[]) t(kind, digest)
ORDER BY t.kind
ON CONFLICT (actor_id, kind, digest) DO UPDATE SET seen_at = excluded.seen_at
"""


def record_trace(request: HttpRequest, *, actor: Actor) -> None:
    """Record from which network and device the request comes, unless it was recorded within the last hours."""
    record_device(request, actor=actor)
    found = {}
    if network := network_of(_address(request)):
        found[Trace.Kind.NETWORK] = _digest(Trace.Kind.NETWORK, network)
    device = request.COOKIES.get(DEVICE_COOKIE, "")
    if _COOKIE_VALUE.fullmatch(device):
        found[Trace.Kind.DEVICE] = _digest(Trace.Kind.DEVICE, device)
    new = [
        (str(kind), digest)
        for kind, digest in sorted(found.items())
        if cache.add(f"trace:{actor.pk}:{digest}", 1, _SECONDS_BETWEEN_WRITES)
    ]
    if new:
        kinds, digests = (list(column) for column in zip(*new, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(WRITE, {"actor": actor.pk, "kinds": kinds, "digests": digests})


def set_device_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Give the browser a random cookie, unless it has one."""
    if _COOKIE_VALUE.fullmatch(request.COOKIES.get(DEVICE_COOKIE, "")):
        return
    response.set_cookie(
        DEVICE_COOKIE,
        secrets.token_hex(16),
        max_age=_COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def network_of(address: str) -> str:
    """Return the network of an IP address: its /24, or /48 for IPv6; empty for anything else, and for this machine."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return ""
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def delete_old_traces() -> int:
    """Delete traces that were not seen for `KEPT`; returns how many."""
    return Trace.objects.filter(seen_at__lt=database_now() - KEPT).delete()[0]


def _address(request: HttpRequest) -> str:
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return ""


def _digest(kind: str, value: str) -> str:
    return salted_hmac(f"accounts.Trace.{kind}", value, algorithm="sha256").hexdigest()
