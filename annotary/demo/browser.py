"""A worker's browser: joins on the invitation page, then speaks to the API with its session, as the worker pages do."""

import json
import threading
import uuid
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx

from annotary.demo.errors import DemoError
from annotary.demo.flaky_network import Line, demand, detail_of

API = "/api/v1"


class _Form(HTMLParser):
    """The fields of the form that asks for a password: {name: value}."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and self.forms and found.get("name"):
            self.forms[-1][found["name"]] = found.get("value", "")


def sign_up_form(page: str) -> dict[str, str] | None:
    """The fields of a page's sign-up form with what they hold; None when the page has none."""
    parser = _Form()
    parser.feed(page)
    return next((form for form in parser.forms if "password" in form), None)


class Browser:
    """One person's cookies and connection."""

    def __init__(self, url: str, *, patience: float, stop: threading.Event) -> None:
        self.line = Line(url, patience=patience, stop=stop)

    def close(self) -> None:
        self.line.close()

    def join(self, invitation: str, *, name: str, email: str) -> str:
        """Make an account on the invitation page and accept; returns the worker's public id."""
        path = urlsplit(invitation).path
        shown = self.line.call("GET", path)
        form = sign_up_form(shown.text) if shown.is_success else None
        if form is None:
            raise DemoError(f"The invitation {invitation} shows no form to join with (status {shown.status_code}).")
        fields = {**form, "name": name, "email": email, "password": f"demo-{uuid.uuid4()}"}
        sent = self.line.call("POST", path, repeat=False, data=fields, headers={"Referer": invitation})
        if not sent.is_redirect:
            raise DemoError(f"The invitation page did not let {email} in (status {sent.status_code}).")
        return str(demand(self.line.call("GET", f"{API}/me/"), "read the account")["id"])

    def take_set(self, project: str) -> httpx.Response:
        """201 or 200 with a set, 204 without, 403 to somebody who is paused. Again is harmless: it returns the set."""
        return self._write("POST", f"{API}/projects/{project}/hands/")

    def image(self, path: str) -> bytes:
        response = self.line.call("GET", path)
        if not response.is_success:
            raise DemoError(f"Could not load an image: {detail_of(response)}")
        return response.content

    def answer(self, assignment: str, body: bytes, key: str) -> httpx.Response:
        """PUT the answer under its key, which makes repeating harmless."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._write("PUT", f"{API}/assignments/{assignment}/answer/", content=body, headers=headers)

    def skip(self, assignment: str) -> httpx.Response:
        return self._write("POST", f"{API}/assignments/{assignment}/skip/")

    def settle(self, hand: str) -> dict[str, Any]:
        settled: dict[str, Any] = demand(self._write("POST", f"{API}/hands/{hand}/settle/"), "hand in a set")
        return settled

    def _write(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        token = self.line.http.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Referer": f"{self.line.url}/", **kwargs.pop("headers", {})}
        return self.line.call(method, path, headers=headers, **kwargs)


def encoded(answer: dict[str, Any], seconds: float) -> bytes:
    return json.dumps({"answer": answer, "seconds": seconds}, separators=(",", ":")).encode()
