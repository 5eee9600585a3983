"""Servers for tests of alerts: a webhook and a mail server on this machine that keep what they get."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Kept:
    """What a server got, and where it listens. `answer` is the status of the webhook."""

    port: int = 0
    answer: int = 200
    messages: list[str] = field(default_factory=list)


@contextmanager
def webhook_server() -> Iterator[Kept]:
    """A web server that takes JSON by POST and keeps its text."""
    kept = Kept()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.messages.append(body["text"])
            self.send_response(kept.answer)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    yield from _served(kept, ThreadingHTTPServer(("127.0.0.1", 0), Handler))


@contextmanager
def mail_server() -> Iterator[Kept]:
    """An SMTP server without encryption that takes everything and keeps the messages."""
    kept = Kept()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 ready")
            while line := self.rfile.readline():
                word = line.split(maxsplit=1)[0].upper()
                if word == b"DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    kept.messages.append(b"".join(lines).decode())
                self.say("221 bye" if word == b"QUIT" else "250 fine")
                if word == b"QUIT":
                    return

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    yield from _served(kept, socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))


def _served(kept: Kept, server: socketserver.TCPServer) -> Iterator[Kept]:
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
