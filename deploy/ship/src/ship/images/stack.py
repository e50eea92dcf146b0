"""The running system as a frontend, an operator and the upstream see it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

import httpx

from local.child import wait_until
from local.faults.books import FINAL
from local.loopback import PLAIN_HTTP
from ship.images.books import Books
from ship.images.check import CheckError, Sheet, demand
from ship.images.compose import Compose, Container

PORTS: Final = {"gateway": 8000, "webhook": 8001, "tiktok": 8010, "instagram": 8011, "youtube": 8012}
_TOKEN_S = 30.0  # it lives twice as long
_LOOK_S = 0.2
_ASK = """
import http.client, ssl, sys
port, method, path, body = sys.argv[1:]
link = http.client.HTTPSConnection("127.0.0.1", int(port), timeout=10, context=ssl._create_unverified_context())
link.request(method, path, body or None, {"content-type": "application/json"})
print(link.getresponse().read().decode())
"""
_STAND_INS = {"sandbox": 8090, "issuer": 8092}


@dataclass(slots=True)
class Stack:
    """Everything that stories need: where the edge is, the project, its books, the sheet."""

    compose: Compose
    edge: str
    sheet: Sheet
    out: Path
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    minting: Lock = field(default_factory=Lock)

    @property
    def books(self) -> Books:
        return Books(self.compose)

    def token(self, user: str) -> str:
        """A session token of this user that is never old."""
        with self.minting:  # the issuer's container has memory for one at a time
            token, minted_at = self.tokens.get(user, ("", float("-inf")))
            if time.monotonic() - minted_at > _TOKEN_S:
                token = self._ask("issuer", "POST", "/token", {"user": user})["token"]
                self.tokens[user] = (token, time.monotonic())
        return token

    def visitor(self, user: str | None = None) -> "Visitor":
        """A user who comes through the edge."""
        return Visitor(self, user or f"user_{uuid4().hex}")

    def upstream(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask or tell the sandbox's control API."""
        return self._ask("sandbox", method, f"/_sandbox{path}", body)

    def _ask(self, stand_in: str, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """From inside its container: it publishes no port."""
        text = json.dumps(body) if body else ""
        words = (str(_STAND_INS[stand_in]), method, path, text)
        return json.loads(self.compose.exec(stand_in, "/app/bin/python", "-I", "-S", "-c", _ASK, *words))

    def take(self, *, search: float, profile: float) -> None:
        """How many seconds the upstream takes to answer."""
        self.upstream("POST", "/latency", {"search": search, "profile": profile})

    def forget(self) -> None:
        """No profile is known any more, the upstream has been asked nothing."""
        self.books.order("delete from profiles")
        self.upstream("POST", "/reset")

    def wait(self, is_done: Callable[[], object], what: str, within_s: float) -> None:
        """Look again and again. Raises CheckError that says what did not happen."""
        demand(wait_until(lambda: bool(is_done()), within_s, _LOOK_S), f"not within {within_s:.0f} s: {what}")

    def start(self, container: Container) -> float:
        """Start a container that has ended; seconds from its start to the first 200 of /readyz. It is healthy then."""
        self.compose.docker.run("start", container.id)
        [told] = self.compose.docker.inspect(container.id)
        now = Container(told)
        url = f"http://{now.address}:{PORTS[now.service]}/readyz"
        seconds = _first_answer(url) - _instant(now.state["StartedAt"])
        self.wait(lambda: Container(self.compose.docker.inspect(now.id)[0]).is_healthy, f"{now.name} is healthy", 60)
        return seconds

    def stop(self, container: Container) -> None:
        """End a container in order. Raises CheckError if it does not end by itself, with 0, within its grace."""
        self.compose.docker.run("stop", "--time", "35", container.id)
        [told] = self.compose.docker.inspect(container.id)
        code = told["State"]["ExitCode"]
        demand(code == 0, f"{container.name} ended with {code} after SIGTERM")


class Visitor:
    """One user's browser, by way of the edge."""

    def __init__(self, stack: Stack, user: str) -> None:
        self._stack = stack
        self.user = user
        self._http = httpx.Client(base_url=stack.edge, timeout=30, **PLAIN_HTTP)

    def ask(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        """With a token of the user's own, or another."""
        token = token or self._stack.token(self.user)
        return self._http.request(method, path, headers={"authorization": f"Bearer {token}"}, **more)

    def create(self, *keywords: str, target: int, platform: str = "tiktok") -> str:
        """The new job's id."""
        answer = self.ask("POST", f"/api/scraping/{platform}", json={"keywords": keywords, "targetResults": target})
        demand(answer.status_code == 200, f"creating a job answered {answer.status_code}: {answer.text[:200]}")
        return str(answer.json()["jobId"])

    def poll(self, job_id: str, platform: str = "tiktok") -> dict[str, Any]:
        """As the existing frontend does it."""
        answer = self.ask("GET", f"/api/scraping/{platform}?jobId={job_id}")
        demand(answer.status_code == 200, f"a poll answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def read(self, job_id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/api/v1/jobs/{job_id}")
        demand(answer.status_code == 200, f"reading a job answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def await_count(self, job_id: str, count: int, within_s: float = 90) -> None:
        """Until so many creators are delivered, and the job still runs."""

        def is_there() -> bool:
            poll = self.poll(job_id)
            demand(poll["status"] not in FINAL, f"job {job_id} ended before it was looked at: {poll['status']}")
            return poll["processedResults"] >= count

        self._stack.wait(is_there, f"{count} creators of job {job_id}", within_s)

    def await_end(self, job_id: str, within_s: float = 180) -> dict[str, Any]:
        """The last poll of a job that has ended, however it did."""
        self._stack.wait(lambda: self.poll(job_id)["status"] in FINAL, f"job {job_id} ends", within_s)
        return self.poll(job_id)


def _first_answer(url: str) -> float:
    """When it answered 200 for the first time."""
    deadline = time.monotonic() + 60
    with httpx.Client(timeout=2, **PLAIN_HTTP) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(url).status_code == 200:
                    return time.time()
            except httpx.TransportError:
                pass
            time.sleep(0.02)
    raise CheckError(f"no 200 from {url} within a minute")


def _instant(text: str) -> float:
    """An instant as the engine writes it: with nanoseconds, which Python does not read."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
