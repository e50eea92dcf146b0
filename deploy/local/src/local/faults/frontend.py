"""A user's browser: creates, polls and ends jobs over HTTP, and lives through a gateway that dies under a request."""

import time
from typing import Any
from uuid import uuid4

import httpx

from local.issuer.client import mint
from local.loopback import PLAIN_HTTP

_TIMEOUT_S = 30.0
_TOKEN_MAX_AGE_S = 30.0  # it lives twice as long


class Frontend:
    """One user, with a token that is never old and a new connection for each request."""

    def __init__(self, gateway_url: str, issuer_url: str, user: str | None = None) -> None:
        self._issuer_url = issuer_url
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=gateway_url, timeout=_TIMEOUT_S, limits=limits, **PLAIN_HTTP)
        self._token, self._minted_at = "", float("-inf")
        self.acted_at = float("-inf")
        self.user = user or f"user_{uuid4().hex}"

    @property
    def owner(self) -> str:
        return f"user:{self.user}"

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        if time.monotonic() - self._minted_at > _TOKEN_MAX_AGE_S:
            self._token, self._minted_at = mint(self._issuer_url, self.user), time.monotonic()
        self.acted_at = time.monotonic()  # the gateway reads its settings anew, whatever it is asked
        return self._http.request(method, path, headers={"authorization": f"Bearer {self._token}"}, **more)

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer, or None if the gateway died before it gave one. Raises httpx.HTTPStatusError."""
        try:
            answer = self.request("POST", path, json=body)
        except httpx.TransportError:
            return None
        return answer.raise_for_status().json()

    def create(self, *keywords: str, target: int, platform: str = "tiktok") -> str | None:
        """The new job's id; None if no answer came."""
        answer = self.post(f"/api/scraping/{platform}", {"keywords": list(keywords), "targetResults": target})
        return None if answer is None else str(answer["jobId"])

    def act(self, job_id: str, action: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Cancel, retry or extend."""
        return self.post(f"/api/v1/jobs/{job_id}/{action}", body)

    def delete(self, job_id: str) -> None:
        """Delete a job, if the gateway lives through it."""
        try:
            answer = self.request("DELETE", f"/api/v1/jobs/{job_id}")
        except httpx.TransportError:
            return
        answer.raise_for_status()

    def leave(self) -> None:
        """Delete the account, if the gateway lives through it."""
        try:
            answer = self.request("DELETE", "/api/v1/account", params={"confirm": self.owner})
        except httpx.TransportError:
            return
        answer.raise_for_status()

    def poll(self, job_id: str, platform: str = "tiktok") -> dict[str, Any]:
        """As the existing frontend does it."""
        return self.request("GET", f"/api/scraping/{platform}?jobId={job_id}").raise_for_status().json()

    def read(self, job_id: str) -> dict[str, Any]:
        return self.request("GET", f"/api/v1/jobs/{job_id}").raise_for_status().json()
