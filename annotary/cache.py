"""The cache, which may vanish at any moment: then it is empty, and nothing fails for it."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
Method = TypeVar("Method", bound=Callable[..., Any])


def _or(fallback: Any) -> Callable[[Method], Method]:
    def forgiving(method: Method) -> Method:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except (RedisError, OSError) as error:
                logger.warning("The cache does not answer (%s); going on without it.", type(error).__name__)
                return fallback

        return cast(Method, call)

    return forgiving


class ForgivingRedisCache(RedisCache):
    """For rate limits alone: while the store is away nobody is limited, which is better than nobody being served."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return _or(default)(super().get)(key, default, version)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return int(_or(0)(super().incr)(key, delta, version))

    add = _or(True)(RedisCache.add)
    set = _or(None)(RedisCache.set)
    touch = _or(False)(RedisCache.touch)
    delete = _or(False)(RedisCache.delete)
    has_key = _or(False)(RedisCache.has_key)
    clear = _or(False)(RedisCache.clear)
