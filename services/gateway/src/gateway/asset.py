"""The files of the reference page, read once. Each is served under a name that changes with its content, so that
browsers may keep it for ever."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

FOLDER = "docs/assets"
_SIGNS = 12
_MEDIA_TYPES: Mapping[str, str] = {
    "swagger_ui/swagger-ui-bundle.js": "text/javascript",
    "swagger_ui/swagger-ui.css": "text/css",
    "swagger_ui/favicon-32x32.png": "image/png",
    "docs.js": "text/javascript",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """`name` is that in the address; `file` that in the folder."""

    name: str
    file: str
    content: bytes
    media_type: str


def read_assets() -> Mapping[str, Asset]:
    """All but the page itself, by the names under which they are served."""
    assets = (_read(path, media_type) for path, media_type in _MEDIA_TYPES.items())
    return {asset.name: asset for asset in assets}


def read_page(assets: Mapping[str, Asset]) -> bytes:
    """The page, which names the assets by their addresses."""
    page = (files("gateway.page") / "docs.html").read_text(encoding="utf-8")
    for asset in assets.values():
        page = page.replace(f"{{{asset.file}}}", f"{FOLDER}/{asset.name}")
    return page.encode()


def _read(path: str, media_type: str) -> Asset:
    content = files("gateway.page").joinpath(*path.split("/")).read_bytes()
    file = path.rpartition("/")[2]
    stem, _, suffix = file.rpartition(".")
    name = f"{stem}.{hashlib.sha256(content).hexdigest()[:_SIGNS]}.{suffix}"
    return Asset(name=name, file=file, content=content, media_type=media_type)
