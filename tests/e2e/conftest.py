"""The whole stack as real processes, and a frontend that uses it as a browser would."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from local.issuer.client import mint
from local.loopback import PLAIN_HTTP
from local.stack import Options, Stack

WAIT_MAX_S = 90.0


class Frontend:
    """Speaks the old routes of one platform with a fresh token for each request."""

    def __init__(
        self, gateway_url: str, issuer_url: str, user: str = "user_frontend", platform: str = "tiktok"
    ) -> None:
        self._gateway_url = gateway_url
        self._issuer_url = issuer_url
        self._user = user
        self._platform = platform

    def on(self, platform: str) -> "Frontend":
        """The same user on another platform."""
        return Frontend(self._gateway_url, self._issuer_url, self._user, platform)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {mint(self._issuer_url, self._user)}"}
        return httpx.request(method, f"{self._gateway_url}{path}", headers=headers, timeout=30, **PLAIN_HTTP, **more)

    def create(self, **body: Any) -> str:
        answer = self.request("POST", f"/api/scraping/{self._platform}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["jobId"]

    def poll(self, job_id: str) -> dict[str, Any]:
        answer = self.request("GET", f"/api/scraping/{self._platform}?jobId={job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def watch(self, job_id: str) -> list[dict[str, Any]]:
        """Every poll until the job is final."""
        polls: list[dict[str, Any]] = []
        ends_at = time.monotonic() + WAIT_MAX_S
        while not polls or polls[-1]["status"] in ("pending", "processing"):
            assert time.monotonic() < ends_at, polls[-1] if polls else "no answer"
            polls.append(self.poll(job_id))
            time.sleep(0.1)
        return polls


def creators(poll: dict[str, Any]) -> list[dict[str, Any]]:
    return [creator for result in poll["results"] for creator in result["creators"]]


@pytest.fixture(scope="session")
def list_creators() -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """All creators of a poll, over its results."""
    return creators


@pytest.fixture(scope="session")
def make_frontend() -> type[Frontend]:
    return Frontend


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack.start(Options(folder=tmp_path_factory.mktemp("stack"))) as running:
        yield running


@pytest.fixture
def frontend(stack: Stack) -> Frontend:
    return Frontend(stack.gateway_url, stack.issuer_url)


@pytest.fixture(scope="session")
def read_job() -> Callable[[str, str], dict[str, Any]]:
    """A job as the database knows it, with what must add up."""

    def read(database_url: str, job_id: str) -> dict[str, Any]:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            row = connection.execute(
                """select j.*,
                       (select count(*) from candidates c where c.job_id = j.id and c.outcome = 'delivered')
                           as delivered_rows,
                       (select coalesce(sum(items_count), 0) from steps s where s.job_id = j.id) as items,
                       (select coalesce(sum(count), 0) from step_outcomes o where o.job_id = j.id) as outcomes,
                       (select count(*) from upstream_calls u where u.job_id = j.id and u.status <> 'settled')
                           as unsettled,
                       (select coalesce(sum(credits_charged), 0) from upstream_calls u where u.job_id = j.id)
                           as charged
                   from jobs j where id = %s""",
                [job_id],
            ).fetchone()
        assert row is not None
        return row

    return read
