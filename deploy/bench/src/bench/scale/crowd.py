"""Many jobs at once, each of a user of its own, and so large that none ends while the clock runs."""

import time
from dataclasses import dataclass, field
from typing import Final

import httpx
import psycopg

from bench.row import BenchError
from bench.scale.window import lag
from local.client import Gateway, GatewayError
from local.faults.upstream import Upstream
from local.loopback import PLAIN_HTTP
from local.postgres import DATABASE
from local.stack import Stack

KEYWORDS_PER_JOB: Final = 5
TARGET: Final = 4000
_FIRST_MAX_S: Final = 60.0
_QUIET_MAX_S: Final = 60.0
_POLL_S: Final = 0.1


@dataclass(slots=True)
class Crowd:
    """Users and their jobs in a running stack."""

    stack: Stack
    size: int
    _gateways: list[tuple[Gateway, str]] = field(default_factory=list[tuple[Gateway, str]])
    _jobs: list[tuple[Gateway, str]] = field(default_factory=list[tuple[Gateway, str]])
    _turn: int = 0

    def __post_init__(self) -> None:
        for number in range(self.size):
            user = f"user_scale{number}"
            gateway = Gateway(self.stack.gateway_url, lambda user=user: self.stack.mint_token(user))
            self._gateways.append((gateway, gateway.create_campaign("Benchmark")))

    @property
    def database_url(self) -> str:
        assert self.stack.postgres is not None
        return self.stack.postgres.database_url(DATABASE)

    def begin(self) -> None:
        """A job for each user, by keywords that nobody has asked for; no profile is known."""
        self._turn += 1
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("truncate profiles")
        for number, (gateway, campaign_id) in enumerate(self._gateways):
            keywords = [f"topic {self._turn} {number} {word}" for word in range(KEYWORDS_PER_JOB)]
            self._jobs.append((gateway, gateway.create_job(campaign_id, keywords, TARGET)))

    def await_first(self) -> None:
        """Until somebody was delivered. Raises BenchError."""
        began = time.monotonic()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            while not connection.execute(
                "select 1 from jobs where status = 'processing' and delivered_count > 0 limit 1"
            ).fetchone():
                self.stack.check()
                if time.monotonic() - began > _FIRST_MAX_S:
                    raise BenchError(f"nobody was delivered within {_FIRST_MAX_S:.0f} s")
                time.sleep(_POLL_S)

    def _await_empty_stream(self, began: float) -> None:
        assert self.stack.nats is not None
        with httpx.Client(**PLAIN_HTTP) as http:
            while sum(lag(http, self.stack.nats.monitor_url)):
                self.stack.check()
                if time.monotonic() - began > _QUIET_MAX_S:
                    raise BenchError(f"steps of cancelled jobs were in the stream after {_QUIET_MAX_S:.0f} s")
                time.sleep(_POLL_S)

    def _cancel(self, gateway: Gateway, job_id: str) -> None:
        """Again if the database was too busy to answer: it says so, and asks for that."""
        for is_last in (False, False, True):
            try:
                gateway.cancel_job(job_id)
                return
            except GatewayError:
                if is_last:
                    raise

    def end(self) -> None:
        """Cancels the jobs and waits until nothing moves; the upstream's purse is full again. Raises BenchError."""
        while self._jobs:
            self._cancel(*self._jobs.pop())
        began = time.monotonic()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            while connection.execute("select 1 from upstream_calls where status = 'open' limit 1").fetchone():
                self.stack.check()
                if time.monotonic() - began > _QUIET_MAX_S:
                    raise BenchError(f"calls of cancelled jobs were open after {_QUIET_MAX_S:.0f} s")
                time.sleep(_POLL_S)
        self._await_empty_stream(began)
        Upstream(self.stack.url("sandbox")).reset()
