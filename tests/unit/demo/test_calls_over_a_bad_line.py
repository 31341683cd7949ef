"""The client's side of exactly-once: it retries what is safe to retry, and reports a server that stays down."""

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from annotary.demo.browser import sign_up_form
from annotary.demo.errors import DemoError
from annotary.demo.flaky_network import RetryingClient, Stopped, code_of, detail_of, require_success

Answer = Callable[[httpx.Request], httpx.Response]


def a_client(answers: Iterator[Answer], *, retry_seconds: float = 5.0) -> RetryingClient:
    client = RetryingClient("http://server.example", retry_seconds=retry_seconds)
    client.http = httpx.Client(
        base_url=client.url, transport=httpx.MockTransport(lambda request: next(answers)(request))
    )
    return client


def status(code: int) -> Answer:
    return lambda request: httpx.Response(code, json={"type": "/problems/worker_paused/", "detail": "Why."})


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def test_a_call_is_retried_until_the_server_is_back() -> None:
    client = a_client(iter([refused, broken, status(503), status(500), status(200)]))
    assert client.call("PUT", "/answer").status_code == 200
    assert client.retries == 4


def test_a_refusal_is_returned_and_not_retried() -> None:
    assert a_client(iter([status(409)])).call("PUT", "/answer").status_code == 409


def test_unsafe_requests_are_retried_only_if_they_were_not_processed() -> None:
    assert a_client(iter([refused, status(503), status(201)])).call("POST", "/", retry=False).status_code == 201
    assert a_client(iter([status(500)])).call("POST", "/", retry=False).status_code == 500
    with pytest.raises(DemoError, match="connection broke during POST /"):
        a_client(iter([broken])).call("POST", "/", retry=False)


def test_an_unavailable_server_is_named_with_its_last_response() -> None:
    with pytest.raises(DemoError, match=r"http://server.example has not answered GET /x .*status 503"):
        a_client(iter([status(503)] * 50), retry_seconds=0.2).call("GET", "/x")


def test_a_stop_ends_the_waiting() -> None:
    client = a_client(iter([refused] * 100), retry_seconds=60)
    client.stop = threading.Event()
    threading.Timer(0.2, client.stop.set).start()
    with pytest.raises(Stopped):
        client.call("GET", "/")


def test_a_problem_is_reported_in_the_words_of_the_server() -> None:
    response = status(403)(httpx.Request("GET", "/"))
    assert (detail_of(response), code_of(response)) == ("Why.", "worker_paused")
    with pytest.raises(DemoError, match=r"Could not take a set: Why\."):
        require_success(response, "take a set")
    assert detail_of(httpx.Response(502, text="<html>")) == "The server answered 502."


def test_the_form_with_a_password_is_found_among_the_forms_of_a_page() -> None:
    page = (
        '<form><input name="theme" value="dark"></form>'
        '<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="abc">'
        '<input name="email"><input name="password" type="password"><button>Go</button></form>'
    )
    assert sign_up_form(page) == {"csrfmiddlewaretoken": "abc", "email": "", "password": ""}
    assert sign_up_form("<p>This invitation is over</p>") is None
