"""The client's part of exactly-once: it repeats what may be repeated, and says when a server stays away."""

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from annotary.demo.browser import sign_up_form
from annotary.demo.errors import DemoError
from annotary.demo.flaky_network import Line, Stopped, code_of, demand, detail_of

Answer = Callable[[httpx.Request], httpx.Response]


def a_line(answers: Iterator[Answer], *, patience: float = 5.0) -> Line:
    line = Line("http://server.example", patience=patience)
    line.http = httpx.Client(base_url=line.url, transport=httpx.MockTransport(lambda request: next(answers)(request)))
    return line


def status(code: int) -> Answer:
    return lambda request: httpx.Response(code, json={"type": "urn:annotary:problem:worker_paused", "detail": "Why."})


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def test_a_call_is_repeated_until_the_server_is_back() -> None:
    line = a_line(iter([refused, broken, status(503), status(500), status(200)]))
    assert line.call("PUT", "/answer").status_code == 200
    assert line.repeats == 4


def test_a_refusal_is_an_answer_and_is_not_repeated() -> None:
    assert a_line(iter([status(409)])).call("PUT", "/answer").status_code == 409


def test_what_must_not_happen_twice_is_sent_again_only_if_it_never_arrived() -> None:
    assert a_line(iter([refused, status(503), status(201)])).call("POST", "/", repeat=False).status_code == 201
    assert a_line(iter([status(500)])).call("POST", "/", repeat=False).status_code == 500
    with pytest.raises(DemoError, match="connection broke during POST /"):
        a_line(iter([broken])).call("POST", "/", repeat=False)


def test_a_server_that_stays_away_is_named_with_what_it_said_last() -> None:
    with pytest.raises(DemoError, match=r"http://server.example has not answered GET /x .*status 503"):
        a_line(iter([status(503)] * 50), patience=0.2).call("GET", "/x")


def test_a_stop_ends_the_waiting() -> None:
    line = a_line(iter([refused] * 100), patience=60)
    line.stop = threading.Event()
    threading.Timer(0.2, line.stop.set).start()
    with pytest.raises(Stopped):
        line.call("GET", "/")


def test_a_problem_is_told_in_the_words_of_the_server() -> None:
    response = status(403)(httpx.Request("GET", "/"))
    assert (detail_of(response), code_of(response)) == ("Why.", "worker_paused")
    with pytest.raises(DemoError, match=r"Could not take a set: Why\."):
        demand(response, "take a set")
    assert detail_of(httpx.Response(502, text="<html>")) == "The server answered 502."


def test_the_form_with_a_password_is_found_among_the_forms_of_a_page() -> None:
    page = (
        '<form><input name="theme" value="dark"></form>'
        '<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="abc">'
        '<input name="email"><input name="password" type="password"><button>Go</button></form>'
    )
    assert sign_up_form(page) == {"csrfmiddlewaretoken": "abc", "email": "", "password": ""}
    assert sign_up_form("<p>This invitation is over</p>") is None
