"""HTTP over a bad connection: what is safe to repeat is repeated, the rest ends with a sentence."""

import threading
import time
from typing import Any

import httpx

from annotary.demo.errors import DemoError

# What a server says while a part of it is down, and what passes by waiting.
PASSING = frozenset({429, 500, 502, 503, 504})
# What was certainly not done.
PUT_OFF = frozenset({429, 503})
LONGEST_PAUSE = 2.0


class Stopped(Exception):
    """Somebody ended the demonstration while a call was waiting."""


class Line:
    """Calls to one server.

    `patience` is for how many seconds in a row the server may be away. `stop` ends the waiting early.
    """

    def __init__(
        self, url: str, *, headers: dict[str, str] | None = None, patience: float, stop: threading.Event | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.http = httpx.Client(base_url=self.url, headers=headers, timeout=httpx.Timeout(30, connect=5))
        self.patience = patience
        self.stop = stop or threading.Event()
        self.repeats = 0

    def call(self, method: str, path: str, *, repeat: bool = True, **kwargs: Any) -> httpx.Response:
        """The answer, whatever its status but for PASSING. Raises DemoError when the server stays away, and Stopped.

        `repeat` is for what may arrive twice: reads, and writes that are harmless again or carry an idempotency key.
        Without it a call is made again only when it never reached the server, or was put off.
        """
        pause, deadline = 0.1, time.monotonic() + self.patience
        while True:
            if self.stop.is_set():
                raise Stopped
            try:
                response = self.http.request(method, path, **kwargs)
            except httpx.TransportError as error:
                said = str(error) or type(error).__name__
                if not repeat and not isinstance(error, httpx.ConnectError):
                    raise DemoError(f"The connection broke during {method} {path} ({said}); start again.") from error
            else:
                if response.status_code not in (PASSING if repeat else PUT_OFF):
                    return response
                said = f"status {response.status_code}"
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{self.url} has not answered {method} {path} for {self.patience:.0f} seconds ({said}): "
                    "look into its logs, then start again."
                )
            self.repeats += 1
            self.stop.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 1.6)

    def close(self) -> None:
        self.http.close()


def detail_of(response: httpx.Response) -> str:
    """What the server says is wrong, in its own words."""
    try:
        body = response.json()
    except ValueError:
        body = None
    said = body.get("detail") if isinstance(body, dict) else None
    return str(said) if said else f"The server answered {response.status_code}."


def code_of(response: httpx.Response) -> str:
    """The code of a problem, such as "worker_paused"; empty when there is none."""
    if response.is_success:
        return ""
    try:
        body = response.json()
    except ValueError:
        return ""
    kind = body.get("type", "") if isinstance(body, dict) else ""
    return str(kind).rpartition(":")[2]


def demand(response: httpx.Response, doing: str) -> Any:
    """The JSON of a success. Raises DemoError: "Could not <doing>: <what the server said>"."""
    if not response.is_success:
        raise DemoError(f"Could not {doing}: {detail_of(response)}")
    return response.json() if response.content else None
