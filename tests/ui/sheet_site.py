"""A small server for the design system's pages: the real static files and templates, the real content security
policy, no database. What the policy blocks here, it also blocks on the real site.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from django.template import Context, Engine

HERE = Path(__file__).resolve().parent
UI = HERE.parents[1] / "workers_ui"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'"
)
WIDTH, HEIGHT = 800, 600
#: The image file is smaller than the frame of its boxes, like a rendition on the real site.
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300" viewBox="0 0 800 600">'
    '<rect width="800" height="600" fill="#86a96b"/><path fill="#6d8f55" d="M0 360 800 300v300H0z"/>'
    '<ellipse cx="250" cy="360" rx="110" ry="70" fill="#6b5a49"/><circle cx="340" cy="310" r="45" fill="#6b5a49"/>'
    '<ellipse cx="590" cy="420" rx="70" ry="90" fill="#c8b89a"/><circle cx="590" cy="320" r="40" fill="#c8b89a"/></svg>'
)
CLASSES = [{"id": number, "name": name} for number, name in ((3, "raccoon"), (1, "rabbit"), (7, "fox"))]
ROWS = [
    {"number": 41, "state": "earned", "icon": "seal", "word": "Approved", "done": 150, "cost": "9.60"},
    {"number": 42, "state": "ok", "icon": "check", "word": "Finished", "done": 150, "cost": "9.42"},
    {"number": 43, "state": "", "icon": "play", "word": "Running", "done": 97, "cost": "6.21"},
    {"number": 44, "state": "warn", "icon": "clock", "word": "Slow", "done": 31, "cost": "1.98"},
    {"number": 45, "state": "bad", "icon": "alert", "word": "Stopped", "done": 12, "cost": "0.77"},
    {"number": 46, "state": "", "icon": "pause", "word": "Not open yet", "done": 0, "cost": "0.00"},
]

Answer = tuple[int, dict[str, Any]]


def render(name: str, **context: Any) -> str:
    """Render a page of tests/ui/pages, or a template of workers_ui, as HTML."""
    engine = Engine(
        dirs=[str(HERE / "pages"), str(UI / "templates")],
        libraries={
            "static": "django.templatetags.static",
            "bundle": "workers_ui.templatetags.bundle",
            "i18n": "django.templatetags.i18n",
            "humanize": "django.contrib.humanize.templatetags.humanize",
        },
    )
    return engine.get_template(name).render(Context({"nav": NAV, "csrf_token": "test-token", **context}))


NAV = [
    {"label": "Overview", "url": "/sheet", "current": True},
    {"label": "Batches", "url": "#", "current": False},
    {"label": "Review", "url": "#", "current": False},
    {"label": "Releases", "url": "#", "current": False},
    {"label": "People", "url": "#", "current": False},
]


def pages() -> dict[str, str]:
    hours = [1_700_000_000 + 3600 * hour for hour in range(24)]
    values = [120 + (hour * 37) % 90 + 5 * hour for hour in range(24)]
    figures = {"x": hours, "series": [{"label": "Answers", "values": values}]}
    image = {"imageUrl": "/picture.svg", "width": WIDTH, "height": HEIGHT}
    options = {**image, "classes": CLASSES, "tools": ["box"], "objects": []}
    return {
        "/sheet": render("sheet.html", rows=ROWS, figures=figures, picture="/picture.svg"),
        "/studio": render("studio.html", options=options),
        "/studio/polygons": render("studio.html", options={**options, "tools": ["polygon"]}),
        "/studio/tools": render("studio.html", options={**options, "tools": ["box", "polygon"]}),
        "/broken": render("studio.html", options={**options, "imageUrl": "/gone.svg"}),
        "/404": render("404.html"),
        "/500": render("500.html"),
    }


class Site:
    """The running server: its URL, the scripted responses to POSTs to /api/, and the requests received."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[Answer] = []
        self.received: list[dict[str, Any]] = []

    def answer(self, headers: dict[str, str], body: Any) -> Answer:
        self.received.append({"headers": headers, "body": body})
        return self.answers.pop(0) if self.answers else (HTTPStatus.OK, {"ok": True})


def handler_of(site: Callable[[], Site]) -> type[BaseHTTPRequestHandler]:
    documents = pages()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            static = (HERE if path.startswith("/pages/") else UI) / path.lstrip("/")
            if path in documents:
                self.reply(HTTPStatus.OK, "text/html; charset=utf-8", documents[path].encode())
            elif path == "/picture.svg":
                self.reply(HTTPStatus.OK, "image/svg+xml", PICTURE.encode())
            elif path.startswith(("/static/", "/pages/")) and static.is_file() and ".." not in path:
                kind = "text/javascript" if path.endswith(".js") else guess_type(path)[0] or "application/octet-stream"
                self.reply(HTTPStatus.OK, kind, static.read_bytes())
            else:
                self.reply(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = site().answer(dict(self.headers.items()), body)
            self.reply(status, "application/json", json.dumps(answer).encode())

        def reply(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: a failing test shows the page, not the access log."""

    return Handler


@contextmanager
def serve() -> Iterator[Site]:
    running: list[Site] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(lambda: running[0]))
    running.append(Site(f"http://127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
