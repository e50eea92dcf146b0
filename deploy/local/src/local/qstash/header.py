"""HTTP headers as ordered pairs, and as the maps that QStash answers with: `{"Canonical-Name": ["value", ...]}`."""

from collections.abc import Iterable

Pairs = tuple[tuple[str, str], ...]

# They belong to one connection or are made anew for the delivery.
NOT_FORWARDED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def from_wire(raw: Iterable[tuple[bytes, bytes]]) -> Pairs:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)


def canonical(name: str) -> str:
    """The casing that Go gives it: `x-request-id` is `X-Request-Id`."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def first(pairs: Pairs, name: str) -> str | None:
    wanted = name.lower()
    return next((value for other, value in pairs if other.lower() == wanted), None)


def without(pairs: Pairs, names: Iterable[str]) -> Pairs:
    unwanted = {name.lower() for name in names}
    return tuple((name, value) for name, value in pairs if name.lower() not in unwanted)


def under(pairs: Pairs, prefix: str) -> Pairs:
    """The pairs whose name begins with the prefix, without it."""
    start = prefix.lower()
    return tuple((name[len(start) :], value) for name, value in pairs if name.lower().startswith(start))


def grouped(pairs: Pairs) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(canonical(name), []).append(value)
    return groups
