"""Misbehaviour on demand: a queue of faults, each for the next calls that it fits.

Rule: a fault changes one call and is gone after its count; without faults the sandbox is a good upstream.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import NoneType
from typing import Any

from local.sandbox.answer import Params


class Misbehaviour(StrEnum):
    """What can go wrong; the numbers are HTTP statuses with the vendor's bodies."""

    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    OUT_OF_CREDITS = "402"
    UNAUTHORIZED = "401"
    NOT_FOUND = "404"
    HTML_502 = "html_502"
    SLOW = "slow"  # answers well, after `seconds`; billed even if the caller has left
    BROKEN_JSON = "broken_json"  # 200, cut in the middle; billed
    EMPTY_PAGE = "empty_page"  # no item, has_more 1, the cursor moves; billed
    MALFORMED_ITEM = "malformed_item"  # one item of the page has the wrong types; billed
    TRUNCATED = "truncated"  # the connection closes in the middle of the body; billed
    CLOSED = "closed"  # the connection closes before any answer; billed
    HUGE = "huge"  # `bytes` of valid JSON, streamed, without compression
    OVERSIZE = "oversize"  # `bytes` of valid JSON that are small on the wire (gzip)


KINDS: dict[str, tuple[type, ...]] = {
    "path": (str, NoneType),
    "query": (str, dict, NoneType),
    "count": (int, NoneType),
    "skip": (int,),
    "retry_after": (str, NoneType),
    "seconds": (int, float),
    "bytes": (int,),
}


class FaultError(ValueError):
    """A description of a fault that means nothing."""


@dataclass(slots=True)
class Fault:
    """One entry of the queue. None matches anything; a count of None never runs out."""

    fault: Misbehaviour
    path: str | None = None
    query: str | Mapping[str, str] | None = None  # a parameter's value, or parameters that must all be equal
    count: int | None = 1
    skip: int = 0  # matching calls that pass before it strikes
    retry_after: str | None = None  # the header of a 429
    seconds: float = 30.0
    bytes: int = 60_000_000

    @classmethod
    def read(cls, value: object) -> "Fault":
        """A fault from JSON; FaultError names what is wrong."""
        if not isinstance(value, dict):
            raise FaultError("a fault is an object")
        unknown = value.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise FaultError(f"unknown keys: {', '.join(sorted(map(str, unknown)))}")
        try:
            kind = Misbehaviour(str(value.get("fault")))
        except ValueError as error:
            raise FaultError(f"fault is one of {', '.join(Misbehaviour)}") from error
        rest: dict[str, Any] = {name: given for name, given in value.items() if name != "fault"}
        for name, given in rest.items():
            if not isinstance(given, KINDS[name]):
                raise FaultError(f"{name} has the wrong type")
        return cls(kind, **rest)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """A fault from the command line: JSON, or a bare name."""
        try:
            return cls.read(json.loads(text) if text.startswith("{") else {"fault": text})
        except json.JSONDecodeError as error:
            raise FaultError(f"not JSON: {error}") from error

    def fits(self, path: str, params: Params) -> bool:
        if self.path is not None and self.path != path:
            return False
        if self.query is None:
            return True
        if isinstance(self.query, str):
            return self.query in params.values()
        return all(params.get(name) == str(value) for name, value in self.query.items())

    def told(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class FaultQueue:
    """Faults in the order in which they were asked for; the first that fits a call is used."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def take(self, path: str, params: Params) -> Fault | None:
        """The fault of this call; uses it up by one."""
        for fault in [*self.faults]:
            if not fault.fits(path, params):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.count is not None:
                fault.count -= 1
                if fault.count <= 0:
                    self.faults.remove(fault)
            return fault
        return None
