"""The sandbox's control API: what the upstream was asked, and what it shall do wrong."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import httpx

from local.loopback import PLAIN_HTTP

SEARCH = "/v1/tiktok/search/keyword"
PROFILE = "/v1/tiktok/profile"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the upstream saw it; `is_paid` also if the caller never heard of it."""

    number: int
    path: str
    params: dict[str, str]
    credits: int
    is_in_flight: bool

    @property
    def is_paid(self) -> bool:
        return self.credits > 0

    @property
    def handle(self) -> str | None:
        return self.params.get("handle")


class Upstream:
    """Questions and orders to a running sandbox."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_sandbox", **PLAIN_HTTP, timeout=10)

    def calls(self, path: str | None = None) -> list[Call]:
        """Every call since the reset, in the order of arrival."""
        told = self._http.get("/calls", params={"path": path} if path else {}).raise_for_status().json()["calls"]
        return [
            Call(
                number=one["number"],
                path=one["path"],
                params=dict(parse_qsl(one["query"], keep_blank_values=True)),
                credits=one["credits"],
                is_in_flight=one["status"] is None,
            )
            for one in told
        ]

    def in_flight(self, path: str) -> int:
        return sum(call.is_in_flight for call in self.calls(path))

    def fail(self, fault: str, **more: Any) -> None:
        """Queue a fault: by default for the next search."""
        self._http.post("/faults", json={"fault": fault, "path": SEARCH, **more}).raise_for_status()

    def mend(self) -> None:
        """Forget all faults."""
        self._http.delete("/faults").raise_for_status()

    def take(self, *, search: float, profile: float) -> None:
        """How many seconds answers take."""
        self._http.post("/latency", json={"search": search, "profile": profile}).raise_for_status()

    def reset(self) -> None:
        self._http.post("/reset").raise_for_status()
