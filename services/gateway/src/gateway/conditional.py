"""Answers that a client may have already: the tag is of the content, and who shows it is answered without a body."""

from litestar import Response
from litestar.types import Scope

from gateway.etag import is_match, read_if_none_match, tag_of_content


def answer_unless_known(content: bytes, scope: Scope, *, cache_control: str) -> Response[bytes]:
    """The content, or 304 if the client has it."""
    headers = {"Cache-Control": cache_control, "Vary": "Authorization", "ETag": tag_of_content(content)}
    if is_match(read_if_none_match(scope), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
