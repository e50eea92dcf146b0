"""Deliveries as QStash sends them, whole requests ready for the wire: each with its own step, id and signature."""

from collections.abc import Iterable, Iterator
from uuid import uuid4

from common.domain.message import StepMessage
from local.qstash.signature import Subject, sign
from webhook.composition import STEP_PATH


def write_deliveries(messages: Iterable[StepMessage], *, url: str, key: str, now_s: float) -> Iterator[str]:
    """`url` is the address that QStash was given, without the path."""
    for message in messages:
        body = message.model_dump_json(by_alias=True)
        subject = Subject(url=url + STEP_PATH, body=body.encode(), issued_at_s=now_s, jti=f"jwt_{uuid4().hex}")
        headers = {
            "Host": url.rpartition("/")[2],
            "User-Agent": "Upstash-QStash",
            "Content-Length": len(body),
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            "Upstash-Message-Id": f"msg_{uuid4().hex}",
            "Upstash-Region": "EU-CENTRAL-1",
            "Upstash-Retried": "0",
            "Upstash-Signature": sign(subject, key),
        }
        lines = (f"POST {STEP_PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "")
        yield "\r\n".join((*lines, body))
