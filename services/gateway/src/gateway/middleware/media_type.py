"""Bodies are JSON or nothing: Litestar itself would read JSON under any content type."""

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from gateway.problem import Kind, ProblemError

_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def json_only(app: ASGIApp) -> ASGIApp:
    """The layer for a router: refuses a body that does not say that it is plain JSON in UTF-8."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _WRITING and not _is_acceptable(scope):
            raise ProblemError(Kind.MEDIA_TYPE, "Send the body as application/json.")
        await app(scope, receive, send)

    return handle


def _is_acceptable(scope: HTTPScope) -> bool:
    headers = dict(scope["headers"])
    content_type = headers.get(b"content-type")
    if content_type is None:
        return headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
    media_type, _, parameters = content_type.decode("latin-1").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    is_plain = headers.get(b"content-encoding", b"identity").lower() == b"identity"
    return media_type.strip() == "application/json" and charset in ("", "utf-8", "utf8") and is_plain
