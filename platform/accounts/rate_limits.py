"""When allauth's rate limits let a caller try again."""

import math
import time

from allauth.account import app_settings
from allauth.core.internal.ratelimit import Rate, get_cache_key, get_rates
from django.core.cache import cache
from django.http import HttpRequest

APP = "allauth.account"


def seconds_until_allowed(request: HttpRequest) -> int:
    """Return for how many seconds a caller who was refused has to wait, at least 1.

    allauth does not say which limit was reached, so this looks for those that the caller has reached. One that counts
    by something else than the caller, such as the address to reset, is not found: then it is the longest of these.
    """
    now = time.time()
    rates = [(action, rate) for action in app_settings.RATE_LIMITS for rate in get_rates(app=APP, action=action)]
    waits = [_wait(request, action, rate, now) for action, rate in rates if _counts_caller(request, rate)]
    reached = [wait for wait in waits if wait > 0]
    return math.ceil(max(reached or [rate.duration for _, rate in rates if rate.per == "key"], default=60))


def _counts_caller(request: HttpRequest, rate: Rate) -> bool:
    return bool(rate.per == "ip" or (rate.per == "user" and request.user.is_authenticated))


def _wait(request: HttpRequest, action: str, rate: Rate, now: float) -> float:
    """Return the seconds until the oldest of the calls that fill the limit is over; 0 or less below the limit."""
    calls = cache.get(get_cache_key(request, app=APP, action=action, rate=rate), [])  # newest first
    return float(calls[rate.amount - 1] + rate.duration - now) if len(calls) >= rate.amount else 0.0
