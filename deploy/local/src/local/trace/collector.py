"""A collector for development and tests: takes OTLP over http/protobuf on loopback and keeps what it got."""

import gzip
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from local.port import LOOPBACK, free_port
from local.trace.seen import SeenSpan, read_resources, read_spans

PATH = "/v1/traces"
_POLL_S = 0.05


class Collector:
    """Listens while it is open, in threads of its own. `environment` makes a service send its spans here."""

    def __init__(self, port: int | None = None) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.url = f"http://{LOOPBACK}:{port or free_port()}"
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}

    @property
    def spans(self) -> list[SeenSpan]:
        """All that came, in the order of their beginning."""
        found = [span for body in list(self.bodies) for span in read_spans(body)]
        return sorted(found, key=lambda span: span.began_ns)

    @property
    def resources(self) -> list[dict[str, object]]:
        return [resource for body in list(self.bodies) for resource in read_resources(body)]

    def wait_for(self, is_there: Callable[[list[SeenSpan]], bool], timeout_s: float) -> list[SeenSpan]:
        """The spans, as soon as they are what is waited for, or after the time whatever they are."""
        ends_at = time.monotonic() + timeout_s
        while not is_there(self.spans) and time.monotonic() < ends_at:
            time.sleep(_POLL_S)
        return self.spans

    def __enter__(self) -> Self:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = collector.take(self.path, headers, self._body())
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
                """Who wants to know reads the spans."""

            def _body(self) -> bytes:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

        host, _, port = self.url.removeprefix("http://").partition(":")
        self._server = ThreadingHTTPServer((host, int(port)), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Keep a request, its headers' names in lower case; returns the status to answer with."""
        if path != PATH or headers.get("content-type") != "application/x-protobuf":
            return 404
        self.headers.append(headers)
        self.bodies.append(body)
        return 200
