"""What an endpoint answers, before money and transport are added.

Rule: an endpoint decides content and price; the envelope, the latency and the faults are added in one place.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from local.sandbox.splice import Part, join, join_gzip

Params = Mapping[str, str]


class Kind(StrEnum):
    """Which latency an endpoint has."""

    SEARCH = "search"
    PROFILE = "profile"
    ACCOUNT = "account"


class Twist(StrEnum):
    """A page that is to come out wrong in its content, not in its transport."""

    NONE = "none"
    EMPTY_PAGE = "empty_page"
    MALFORMED_ITEM = "malformed_item"


@dataclass(frozen=True, slots=True)
class Answer:
    """The members of a JSON object without its braces; `price` is what the call costs."""

    members: list[Part]
    price: int = 1
    status: int = 200
    is_success: bool = True
    has_credits: bool = True  # whether the envelope tells credits; the oldest errors do not
    is_cached: bool = False

    def body(self, credits_remaining: int, is_gzip: bool) -> bytes:
        envelope = f'{{"success":{"true" if self.is_success else "false"}'
        if self.has_credits:
            envelope += f',"credits_remaining":{credits_remaining},"credits_charged":{self.price}'
        parts = [f"{envelope},".encode(), *self.members, b"}"]
        return join_gzip(parts) if is_gzip else join(parts)


@dataclass(frozen=True, slots=True)
class Endpoint:
    kind: Kind
    answer: Callable[[Params, Twist], Answer]


def load(name: str) -> dict[str, Any]:
    """A sample payload of the package."""
    return json.loads((files("local.sandbox") / "data" / f"{name}.json").read_text(encoding="utf-8"))


def compact(value: object) -> bytes:
    """JSON as the vendor writes it: no blanks, no escapes for letters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def members(value: Mapping[str, object]) -> list[Part]:
    """The members of an object, ready to follow the envelope."""
    return [compact(value)[1:-1]]


ERRORS = load("errors")


def error(status: int, message: str | None = None) -> Answer:
    """The sample error of this status, free of charge, with another message if one is given."""
    body = ERRORS[str(status)]
    if message is not None:
        body = {**body, "message": message}
    return Answer(members(body), price=0, status=status, is_success=False, has_credits="error" in body)
