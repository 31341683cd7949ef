"""HTTP over a flaky network: requests that are safe to repeat are retried, others fail with a clear message."""

import threading
import time
from typing import Any

import httpx

from annotary.demo.errors import DemoError

# Statuses of a server that is partly down or asks to wait: worth retrying.
RETRYABLE = frozenset({429, 500, 502, 503, 504})
# Statuses of requests that were certainly not processed.
NOT_PROCESSED = frozenset({429, 503})
LONGEST_PAUSE = 2.0


class Stopped(Exception):
    """The run was stopped while a request was waiting to be retried."""


class RetryingClient:
    """An HTTP client for one server that retries.

    `retry_seconds` is how long in a row the server may be unavailable. Setting `stop` ends the waiting early.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        retry_seconds: float,
        stop: threading.Event | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=httpx.Timeout(30, connect=5))
        self.retry_seconds = retry_seconds
        self.stop = stop or threading.Event()
        self.retries = 0

    def call(self, method: str, path: str, *, retry: bool = True, **kwargs: Any) -> httpx.Response:
        """Return the response, retrying while the status is in RETRYABLE.

        Requests with `retry` may arrive twice: reads, and writes that are idempotent or carry an idempotency key.
        Others are retried only if they never reached the server or it did not process them. Raises DemoError if the
        server stays unavailable, and Stopped.
        """
        pause, deadline = 0.1, time.monotonic() + self.retry_seconds
        while True:
            if self.stop.is_set():
                raise Stopped
            try:
                response = self.http.request(method, path, **kwargs)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
                if not retry and not isinstance(error, httpx.ConnectError):
                    raise DemoError(
                        f"The connection broke during {method} {path} ({reason}). Run the command again."
                    ) from error
            else:
                if response.status_code not in (RETRYABLE if retry else NOT_PROCESSED):
                    return response
                reason = f"status {response.status_code}"
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{self.url} has not answered {method} {path} for {self.retry_seconds:.0f} seconds ({reason}): "
                    "check its logs, then run the command again."
                )
            self.retries += 1
            self.stop.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 1.6)

    def close(self) -> None:
        self.http.close()


def detail_of(response: httpx.Response) -> str:
    """Return the server's own explanation of an error."""
    try:
        body = response.json()
    except ValueError:
        body = None
    detail = body.get("detail") if isinstance(body, dict) else None
    return str(detail) if detail else f"The server answered {response.status_code}."


def code_of(response: httpx.Response) -> str:
    """Return the code of a problem, such as "worker_paused", or "" if there is none."""
    if response.is_success:
        return ""
    try:
        body = response.json()
    except ValueError:
        return ""
    kind = body.get("type", "") if isinstance(body, dict) else ""
    return str(kind).strip("/").rpartition("/")[2]


def require_success(response: httpx.Response, action: str) -> Any:
    """Return the JSON of a successful response. Raises DemoError: "Could not <action>: <detail from the server>"."""
    if not response.is_success:
        raise DemoError(f"Could not {action}: {detail_of(response)}")
    return response.json() if response.content else None
