"""Destinations: what follows `/v2/publish/` on the request line, less the parameters that are QStash's own."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from local.qstash.error import BadRequestError
from local.qstash.header import Pairs

TOKEN_PARAMETER = "qstash_token"  # noqa: S105  (a parameter's name)
PORT_MAX = 65535
_ENCODED_SCHEME = re.compile(r"https?%3a", re.IGNORECASE)
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{0,5}))?", re.ASCII)
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F))  # everything that is already allowed stays


@dataclass(frozen=True, slots=True)
class Target:
    """A destination and the settings that came as query parameters (`upstash-retries=3`), as headers."""

    url: str
    settings: Pairs


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in the parts that a delivery needs; `target` goes on the request line as it is."""

    scheme: str
    userinfo: str
    host: str
    target: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def hostname(self) -> str:
        """Without port and brackets."""
        return re.sub(r":\d*$", "", self.host).strip("[]")


def read_target(path: str, query: str) -> Target:
    """The destination from the rest of a raw path and the raw query. A URL encoded as a whole is decoded once."""
    path = quote(unquote(path) if _ENCODED_SCHEME.match(path) else path, safe=_SAFE)
    kept, settings = _split_query(query)
    if kept:
        path += ("&" if "?" in path else "?") + kept
    return Target(path, settings)


def read_address(url: str, what: str = "destination") -> Address:
    """The parts of a URL; raises BadRequestError with the real server's words if it is not http(s)."""
    match = _URL.fullmatch(url.partition("#")[0])
    if match is None:
        raise BadRequestError(f"invalid {what} url: endpoint has invalid scheme, add http:// or https://")
    userinfo, _, host = match["authority"].rpartition("@")
    match_host = _HOST.fullmatch(host)
    if match_host is None or int(match_host["port"] or 0) > PORT_MAX:
        raise BadRequestError(f"invalid {what} url: endpoint has an invalid host")
    rest = match["rest"]
    return Address(match["scheme"].lower(), userinfo, host.lower(), rest if rest.startswith("/") else f"/{rest}")


def _split_query(query: str) -> tuple[str, Pairs]:
    kept: list[str] = []
    settings: list[tuple[str, str]] = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        key = unquote(name).lower()
        if key.startswith("upstash-"):
            settings.append((key, unquote(value.replace("+", " "))))
        elif part and key != TOKEN_PARAMETER:
            kept.append(part)
    return "&".join(kept), tuple(settings)
