"""A worker's browser: joins on the invitation page, then calls the API with its session, as the worker pages do."""

import json
import threading
import uuid
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx

from annotary.demo.errors import DemoError
from annotary.demo.flaky_network import RetryingClient, detail_of, require_success

API = "/api/v1"


class _Form(HTMLParser):
    """Collects the forms of a page, each as {field name: value}."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1][attributes["name"]] = attributes.get("value", "")


def sign_up_form(page: str) -> dict[str, str] | None:
    """Return the fields and values of the page's sign-up form (the one with a password), or None if it has none."""
    parser = _Form()
    parser.feed(page)
    return next((form for form in parser.forms if "password" in form), None)


class Browser:
    """One worker's cookies and connection."""

    def __init__(self, url: str, *, retry_seconds: float, stop: threading.Event) -> None:
        self.client = RetryingClient(url, retry_seconds=retry_seconds, stop=stop)

    def close(self) -> None:
        self.client.close()

    def join(self, invitation: str, *, name: str, email: str) -> str:
        """Create an account on the invitation page, accept the invitation, and return the worker's public id."""
        path = urlsplit(invitation).path
        page = self.client.call("GET", path)
        form = sign_up_form(page.text) if page.is_success else None
        if form is None:
            raise DemoError(f"The invitation {invitation} shows no sign-up form (status {page.status_code}).")
        fields = {**form, "name": name, "email": email, "password": f"demo-{uuid.uuid4()}"}
        response = self.client.call("POST", path, retry=False, data=fields, headers={"Referer": invitation})
        if not response.is_redirect:
            raise DemoError(f"The invitation page did not accept {email} (status {response.status_code}).")
        return str(require_success(self.client.call("GET", f"{API}/me/"), "read the account")["id"])

    def take_set(self, project: str) -> httpx.Response:
        """Claim a set: 201 or 200 with one, 204 without, 403 for a paused worker. Repeating it returns the same set."""
        return self._write("POST", f"{API}/projects/{project}/hands/")

    def image(self, path: str) -> bytes:
        response = self.client.call("GET", path)
        if not response.is_success:
            raise DemoError(f"Could not download an image: {detail_of(response)}")
        return response.content

    def answer(self, assignment: str, body: bytes, key: str) -> httpx.Response:
        """PUT the answer with an idempotency key, which makes it safe to repeat."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._write("PUT", f"{API}/assignments/{assignment}/answer/", content=body, headers=headers)

    def skip(self, assignment: str) -> httpx.Response:
        return self._write("POST", f"{API}/assignments/{assignment}/skip/")

    def settle(self, hand: str) -> dict[str, Any]:
        settled: dict[str, Any] = require_success(self._write("POST", f"{API}/hands/{hand}/settle/"), "hand in a set")
        return settled

    def _write(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        token = self.client.http.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Referer": f"{self.client.url}/", **kwargs.pop("headers", {})}
        return self.client.call(method, path, headers=headers, **kwargs)


def encoded(answer: dict[str, Any], seconds: float) -> bytes:
    return json.dumps({"answer": answer, "seconds": seconds}, separators=(",", ":")).encode()
