"""The gateway as a frontend sees it: what the demo asks, and what it reads from the answers."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from local.loopback import PLAIN_HTTP

# A session's token lives 60 s.
_TOKEN_MAX_AGE_S = 30.0
_TIMEOUT_S = 30.0
FINAL = frozenset({"completed", "error", "timeout", "cancelled"})


_UNSUPPORTED = "/problems/unsupported"


class GatewayError(Exception):
    """The gateway refused or could not be reached."""


class UnsupportedError(GatewayError):
    """The platform cannot do this (yet): a 422 of that kind."""


@dataclass(frozen=True, slots=True)
class Creator:
    """What the demo shows of a creator. Unknown is None."""

    handle: str
    name: str | None
    followers: int | None
    verified: bool | None
    emails: tuple[str, ...]
    bio: str | None
    video: Mapping[str, Any]
    hashtags: tuple[str, ...]
    platform: str

    @classmethod
    def read(cls, element: Mapping[str, Any]) -> "Creator":
        creator = element["creator"]
        return cls(
            handle=creator["uniqueId"],
            name=creator["name"],
            followers=creator["followers"],
            verified=creator.get("verified"),
            emails=tuple(creator["emails"] or ()),
            bio=creator["bio"],
            video=element.get("video") or {},
            hashtags=tuple(element.get("hashtags") or ()),
            platform=element["platform"],
        )

    @property
    def profile_url(self) -> str:
        return f"https://www.tiktok.com/@{self.handle}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job as it stands."""

    status: str
    waiting_on: str | None
    stop_reason: str | None
    target: int
    delivered: int
    calls: int
    pages: int
    profiles: int
    credits: int

    @classmethod
    def read(cls, job: Mapping[str, Any]) -> "Snapshot":
        calls = job["calls"]
        return cls(
            status=job["status"],
            waiting_on=job["waitingOn"],
            stop_reason=job["stopReason"],
            target=job["targetResults"],
            delivered=job["counts"]["delivered"],
            calls=calls["total"],
            pages=calls["pages"],
            profiles=calls["profiles"],
            credits=job["credits"]["spent"],
        )


class Gateway:
    """Asks the gateway with a token that is never old."""

    def __init__(self, url: str, mint: Callable[[], str]) -> None:
        self._mint = mint
        self._token = ""
        self._minted_at = float("-inf")
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT_S, **PLAIN_HTTP)

    def create_campaign(self, name: str) -> str:
        return str(self._ask("POST", "/api/v1/campaigns", {"name": name})["id"])

    def create_job(self, campaign_id: str, keywords: Iterable[str], target: int) -> str:
        return self.start_job(
            "tiktok", {"keywords": list(keywords), "targetResults": target, "campaignId": campaign_id}
        )

    def start_job(self, platform: str, body: Mapping[str, Any]) -> str:
        """The new job's id. Raises UnsupportedError if the platform has no such jobs."""
        return str(self._ask("POST", f"/api/scraping/{platform}", body)["jobId"])

    def read_job(self, job_id: str) -> Snapshot:
        return Snapshot.read(self._ask("GET", f"/api/v1/jobs/{job_id}"))

    def cancel_job(self, job_id: str) -> Snapshot:
        return Snapshot.read(self._ask("POST", f"/api/v1/jobs/{job_id}/cancel"))

    def poll(self, job_id: str, platform: str = "tiktok") -> tuple[str, str | None, list[Creator]]:
        """As the existing frontend does: status, error, creators so far."""
        answer = self._ask("GET", f"/api/scraping/{platform}?jobId={job_id}")
        elements = [element for result in answer["results"] for element in result["creators"]]
        return answer["status"], answer["error"], [Creator.read(element) for element in elements]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {self._fresh_token()}"}
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            raise GatewayError(f"{method} {path}: {error}") from error
        if not answer.is_success:
            kind = UnsupportedError if _UNSUPPORTED in answer.text else GatewayError
            raise kind(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    def _fresh_token(self) -> str:
        now = time.monotonic()
        if now - self._minted_at > _TOKEN_MAX_AGE_S:
            try:
                self._token = self._mint()
            except httpx.HTTPError as error:
                raise GatewayError(f"the issuer gave no token: {error}") from error
            self._minted_at = now
        return self._token
