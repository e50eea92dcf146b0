"""The switches that make the stand-in misbehave, and their present positions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from local.qstash.error import BadRequestError
from local.qstash.target import Address, read_address

COPIES_MAX = 100


class SignWith(StrEnum):
    """Which key signs the deliveries."""

    CURRENT = "current"
    NEXT = "next"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Switches:
    """Positions of all switches; the defaults are good behaviour. Counts run down to zero as they are used up."""

    time_factor: float = 1.0
    """Delays, back-off, Retry-After and schedules take so much of their time; timeouts and the dedup window do not."""
    production_like: bool = False
    """Refuse destinations that are on loopback or have no address."""
    duplicate: int = 0
    """Copies of every message besides its first attempt: the same id, another signature."""
    duplicate_delay_s: float = 0.0
    """0: beside the first attempt. Else so long after its end."""
    drop_reply: int = 0
    """The next publish requests are stored, then the connection is closed without a reply."""
    reorder: int = 0
    """First attempts are held until so many wait (or for half a second), then made one by one, the last first."""
    fail_next: int = 0
    """The next attempts fail without reaching the destination."""
    fail_status: int = 0
    """What those attempts end with; 0 is a network failure."""
    lose_answer: int = 0
    """The next attempts reach the destination, but its answer is lost: a failure for the stand-in."""
    clock_skew_s: float = 0.0
    """The signing clock is so much ahead."""
    sign_with: SignWith = SignWith.CURRENT
    dedup_window_s: float = 600.0
    rewrite: Mapping[str, str] = field(default_factory=dict[str, str])
    """Origin to origin: where deliveries really go. What is signed stays as published."""

    def changed(self, values: Mapping[str, Any]) -> "Switches":
        """These with other positions. Raises BadRequestError for an unknown switch or an impossible position."""
        known = {one.name for one in fields(self)}
        if unknown := sorted(values.keys() - known):
            raise BadRequestError(f"unknown switch: {', '.join(unknown)}")
        return replace(self, **{name: _position(name, getattr(self, name), value) for name, value in values.items()})

    def told(self) -> dict[str, Any]:
        return asdict(self)

    def address(self, url: str) -> Address:
        """Where a delivery to this URL really goes."""
        address = read_address(url)
        other = self.rewrite.get(address.origin)
        if other is None:
            return address
        scheme, _, host = other.partition("://")
        return replace(address, scheme=scheme, host=host)


class Switchboard:
    """The positions now, and as they were at the start."""

    def __init__(self, switches: Switches) -> None:
        self._at_start = switches
        self.now = switches

    def change(self, values: Mapping[str, Any]) -> None:
        self.now = self.now.changed(values)

    def reset(self) -> None:
        self.now = self._at_start

    def take(self, name: str) -> bool:
        """Use up one of a count; false if none is left."""
        count = getattr(self.now, name)
        if count:
            self.now = replace(self.now, **{name: count - 1})
        return count > 0


def read_rewrite(text: str) -> tuple[str, str]:
    """`https://a.example=http://127.0.0.1:9000` as two origins. Raises BadRequestError."""
    published, _, real = text.partition("=")
    return _origin(published), _origin(real)


def _origin(text: str) -> str:
    address = read_address(text, "origin")
    if address.target != "/" or address.userinfo:
        raise BadRequestError(f"not an origin: {text}")
    return address.origin


def _position(name: str, old: object, value: object) -> object:
    match old, value:
        case bool(), bool():
            return value
        case SignWith(), str() if value in list(SignWith):
            return SignWith(value)
        case int(), int() if not isinstance(old, bool) and not isinstance(value, bool) and value >= 0:
            return value
        case float(), int() | float() if not isinstance(value, bool) and (value >= 0 or name == "clock_skew_s"):
            return float(value)
        case dict(), dict():
            return dict(read_rewrite(f"{published}={real}") for published, real in value.items())
        case _:
            raise BadRequestError(f"impossible position of {name}: {value!r}")
