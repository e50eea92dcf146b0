"""An upstream that answers with whatever does harm, by the word that is searched for or the kind of profile asked."""

import asyncio
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from local.port import LOOPBACK

MIB = 1024**2
MARKER = "marker-of-the-upstream-body"
BODY_MAX = 16 * MIB  # what the client takes at most

Send = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plain(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Send:
    """An answer as it stands; `length` is what it claims to have."""
    claimed = len(body) if length is None else length
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {claimed}", *headers])

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + b"\r\n\r\n")
        writer.write(body)
        await writer.drain()
        if claimed != len(body):
            writer.close()

    return send


def packed(body: bytes) -> Send:
    return plain(gzip.compress(body, compresslevel=1), "content-encoding: gzip")


def filled(before: bytes, unit: bytes, after: bytes, size: int = BODY_MAX) -> bytes:
    """As many units as fit."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def gzip_of_zeros(mebibytes: int) -> bytes:
    """A gzip of so many MiB, made of one block over and over; its checksum is wrong, but nobody comes that far."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(b"0" * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b"0" * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + block * (mebibytes - 1) + packer.flush(zlib.Z_FINISH)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    chunk = b"0" * 65_536
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        await writer.drain()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n{\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


def shape_bombs(page: bytes) -> dict[str, Send]:
    """Answers that are refused as they come or as they are read. `page` is a good one."""
    whole = gzip.compress(page)
    return {
        "gzip-bomb": plain(gzip_of_zeros(1024), "content-encoding: gzip"),
        "endless": endless,
        "gzip-and-more": plain(whole + b"garbage", "content-encoding: gzip"),
        "gzip-cut": plain(whole[: len(whole) // 2], "content-encoding: gzip"),
        "gzip-twice": plain(whole + whole, "content-encoding: gzip"),
        "gzip-in-name": plain(page, "content-encoding: gzip"),
        "length-too-small": plain(page, length=len(page) // 2),
        "length-too-large": plain(page, length=len(page) * 2),
        "brotli": plain(page, "content-encoding: br"),
        "zstd": plain(page, "content-encoding: zstd"),
        "twice-packed": plain(gzip.compress(whole), "content-encoding: gzip, gzip"),
        "html": plain(f"<html>{MARKER}</html>".encode()),
        "deep": packed(b'{"search_item_list":' + b"[" * 90_000 + b"]" * 90_000 + b"}"),
        "brackets": packed(b"[" * BODY_MAX),
        "objects": packed(filled(b"", b'{"a":', b"")),
        "values": packed(filled(b'{"search_item_list":[0', b",0", b"]}")),
        "members": packed(filled(b'{"success":[{}', b",{}", b"]}")),
        "escapes": packed(filled(b'{"a":"', rb"\n", b'"}')),
        "half-emoji": packed(filled(b'{"a":"', rb"\ud83d", b'"}')),
        "wide-text": packed(filled('{"success":"😀'.encode(), b"0", b'"}')),
        "list-of-100000": packed(b'{"search_item_list":[{}' + b",{}" * 99_999 + b"]}"),
    }


@dataclass(kw_only=True)
class HostileUpstream:
    """`pages` by the word that is searched for, `profile` for every profile; without one, a good one with this bio."""

    pages: Mapping[str, Send]
    profile: Send | None = None
    bio: str = "hello"
    asked: Counter[str] = field(default_factory=Counter[str])
    heads: list[bytes] = field(default_factory=list[bytes])
    _server: asyncio.Server | None = None

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                target = urlsplit(head.split(b" ", 2)[1].decode())
                word = parse_qs(target.query).get("query", ["profile"])[0]
                self.asked[word] += 1
                send = self.pages.get(word) or self.profile or packed(echo_profile(head, self.bio))
                await send(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def page_of(count: int, *, text: str = "a post", name: str = "p") -> bytes:
    """A keyword page of so many people whose profiles are worth buying, as the vendor sends it."""
    posts = [
        {
            "aweme_info": {
                "aweme_id": f"{name}{number}",
                "desc": text,
                "author": {"uid": f"{name}{number}", "unique_id": f"{name}{number}", "nickname": text},
            }
        }
        for number in range(count)
    ]
    return json.dumps({"success": True, "credits_charged": 1, "search_item_list": posts, "has_more": 0}).encode()


def echo_profile(head: bytes, bio: str) -> bytes:
    """The profile that was asked for."""
    target = urlsplit(head.split(b" ", 2)[1].decode())
    handle = parse_qs(target.query)["handle"][0]
    user = {"id": handle, "uniqueId": handle, "signature": bio, "nickname": bio}
    return json.dumps({"success": True, "credits_charged": 1, "user": user, "stats": {"followerCount": 5}}).encode()
