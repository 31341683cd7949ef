"""A small SMTP server on the loopback, which keeps what it accepts and refuses some recipients."""

import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class _Session(socketserver.StreamRequestHandler):
    server: "SmallServer"

    def handle(self) -> None:
        self._say("220 ready")
        recipients: list[str] = []
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"RCPT" and any(each.encode() in line for each in self.server.refused):
                self._say("550 no such person")
            elif word == b"RCPT":
                recipients.append(line.decode().strip())
                self._say("250 ok")
            elif word == b"DATA":
                self._say("354 go on")
                self._receive()
                self._say("250 accepted")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _receive(self) -> None:
        body = b""
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            body += line
        message = message_from_bytes(body, policy=policy.default)
        assert isinstance(message, EmailMessage)
        with self.server.lock:
            self.server.messages.append(message)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class SmallServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, refused: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.refused, self.lock = refused, threading.Lock()
        self.messages: list[EmailMessage] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def recipients(self) -> list[str]:
        return sorted(str(each["To"]) for each in self.messages)


@contextmanager
def small_smtp(settings: Any, *, refused: Sequence[str] = ()) -> Iterator[SmallServer]:
    """Run the server, and have Django's mail go to it."""
    with SmallServer(refused) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
