"""The API's reference as a page, for people. It draws /openapi.json and asks nothing of any other host."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from gateway.asset import FOLDER, read_assets, read_page
from gateway.conditional import NotModified
from gateway.etag import is_match, read_if_none_match, tag_of_content
from gateway.problem import not_found

_ASSETS = read_assets()
_PAGE = read_page(_ASSETS)
# Pictures inside the style sheet are data; everything else comes from here, and no script or style stands in the page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {"Cache-Control": "no-cache", "ETag": tag_of_content(_PAGE), "Content-Security-Policy": _POLICY}
_FOR_EVER = "public, max-age=31536000, immutable"


@get("/docs")
async def read_docs(request: Request[Any, Any, Any]) -> Response[bytes]:
    return _answered(request, _PAGE, _PAGE_HEADERS, "text/html")


@get(f"/{FOLDER}/{{name:str}}")
async def read_asset(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file that never changes: another content has another name."""
    asset = _ASSETS.get(name)
    if asset is None:
        raise not_found()
    headers = {"Cache-Control": _FOR_EVER, "ETag": tag_of_content(asset.content)}
    return _answered(request, asset.content, headers, asset.media_type)


def _answered(
    request: Request[Any, Any, Any], content: bytes, headers: dict[str, str], media_type: str
) -> Response[bytes]:
    if is_match(read_if_none_match(request.scope), headers["ETag"]):
        return NotModified(headers)
    return Response(content, headers=headers, media_type=media_type)
