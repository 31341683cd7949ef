"""The cache. It may disappear or stall at any moment; it then acts as an empty cache, and nothing fails."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = structlog.get_logger(__name__)
Method = TypeVar("Method", bound=Callable[..., Any])

# After a failure, a process does not ask again for this long: a store that stalls then costs one request a second, not
# every request.
PAUSE_SECONDS = 5.0
_paused_until: dict[str, float] = {}


def _fall_back_to(fallback: Any) -> Callable[[Method], Method]:
    def decorate(method: Method) -> Method:
        @wraps(method)
        def call(cache: Any, *args: Any, **kwargs: Any) -> Any:
            server = str(cache._servers)
            if time.monotonic() < _paused_until.get(server, 0.0):
                return fallback
            try:
                return method(cache, *args, **kwargs)
            except (RedisError, OSError) as error:
                _paused_until[server] = time.monotonic() + PAUSE_SECONDS
                logger.warning("continuing without the cache", error=type(error).__name__)
                return fallback

        return cast(Method, call)

    return decorate


class ForgivingRedisCache(RedisCache):
    """A Redis cache that survives the loss of its store: reads miss, writes are dropped, and requests are still served.

    It holds rate limits, which do not apply while the store is unavailable, and computed reports, which are kept for 30
    days and computed again if they are lost.
    """

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return _fall_back_to(default)(RedisCache.get)(self, key, default, version)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return int(_fall_back_to(0)(RedisCache.incr)(self, key, delta, version))

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        return dict(_fall_back_to({})(RedisCache.get_many)(self, keys, version))

    add = _fall_back_to(True)(RedisCache.add)
    set = _fall_back_to(None)(RedisCache.set)
    touch = _fall_back_to(False)(RedisCache.touch)
    set_many = _fall_back_to([])(RedisCache.set_many)
    delete_many = _fall_back_to(None)(RedisCache.delete_many)
    delete = _fall_back_to(False)(RedisCache.delete)
    has_key = _fall_back_to(False)(RedisCache.has_key)
    clear = _fall_back_to(False)(RedisCache.clear)
