"""HTTP/1.1 with a bound on what comes before the body: uvicorn's own parser collects headers without one."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
ABORT = "creatorscout.abort"  # in a scope's extensions: cuts the connection, with all that it still has to send


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection whose request line and headers grow beyond 64 KiB."""

    _head_bytes = 0
    _is_head_complete = False

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._is_head_complete = False
        super().on_message_begin()
        self.scope.setdefault("extensions", {})[ABORT] = self.transport.abort  # pyright: ignore[reportArgumentType]

    def on_headers_complete(self) -> None:
        self._is_head_complete = True
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_head_complete or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self.send_400_response("The request's headers are too large.")
