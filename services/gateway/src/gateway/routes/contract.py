"""The OpenAPI document, made once when the process starts."""

from typing import Any

from litestar import Request, Response, get

from gateway.conditional import NotModified
from gateway.contract.document import encode_document
from gateway.contract.table import OPERATIONS
from gateway.etag import is_match, read_if_none_match, tag_of_content

_DOCUMENT = encode_document(OPERATIONS)
_HEADERS = {"Cache-Control": "no-cache", "ETag": tag_of_content(_DOCUMENT)}


@get("/openapi.json")
async def read_contract(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The same for everybody."""
    if is_match(read_if_none_match(request.scope), _HEADERS["ETag"]):
        return NotModified(_HEADERS)
    return Response(_DOCUMENT, headers=_HEADERS, media_type="application/json")
