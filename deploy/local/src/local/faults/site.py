"""The running stack with hands on everything around it: processes to kill and bring back, clocks to wait by.

Only processes that the stack started are signalled, each by its id. Every wait has an end.
"""

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from local.child import Child, wait_until
from local.faults.books import FINAL, Books
from local.faults.frontend import Frontend
from local.faults.record import Record
from local.faults.stream import Stream
from local.faults.upstream import Upstream
from local.nats import Nats
from local.port import LOOPBACK, free_port
from local.process import probe
from local.qstash.keys import USERS
from local.qstash.testing import StandIn
from local.stack import SERVICES, Stack

DEATH_S = 60.0
EXIT_CONFIGURATION = 2
END_S = 150.0
LOOK_S = 0.2
SETTINGS_KEPT_S = 3.2
"""Longer than a service keeps the settings that it has read."""
TIME_FACTOR = 0.05
SWEEP_LOCK = 4_201_976_002
"""The sweep's advisory lock: who holds it keeps all replicas from sweeping."""
QUICK = {"recovery.sweep_every": 1, "recovery.stalled_after": 3}
_SERVERS = ("postgres", "nats")
_SCHEDULE = "/v2/schedules/creatorscout-sweep"


@dataclass(frozen=True, slots=True)
class Before:
    """What was bought when a process died: calls up to this number, and whose profiles were stored by then."""

    calls: int
    handles: frozenset[str]


class Site:
    """One stack, used by one test after the other; `renew` puts it back between them."""

    def __init__(self, stack: Stack, record: Record) -> None:
        self.stack = stack
        self.record = record
        self.books = Books(lambda: stack.urls["postgres"])
        self.stream = Stream(self._nats)
        self.upstream = Upstream(stack.url("sandbox"))
        self.qstash = StandIn(stack.url("qstash"), USERS[0])
        self.frontends: list[Frontend] = []
        self.owner_limit = 5
        self._touched = {"webhook"}  # it sweeps as seldom as by default
        self._copies: dict[str, str] = {}
        self._logged: dict[str, int] = {}
        self._guard: psycopg.Connection[dict[str, Any]] | None = None

    def renew(self) -> None:
        """As new: every process runs unharmed, nothing is stored, nothing misbehaves."""
        self.allow_sweeps()
        for name in self._copies:
            self.child(name).signal(signal.SIGCONT)
            self.stack.supervisor.dismiss(name)
        self._copies.clear()
        self.revive(*(name for name in _SERVERS if not self.child(name).is_running))
        self.stream.purge()
        self.stream.purge("ADVISORIES")
        self.books.clear(QUICK)
        self.upstream.reset()
        self.qstash.reset()
        self.qstash.switch(time_factor=TIME_FACTOR)
        self.revive(*(each.name for each in SERVICES if not self._is_unharmed(each.name)))
        self.await_ready()
        self.owner_limit = 5
        acted_at = max((frontend.acted_at for frontend in self.frontends), default=float("-inf"))
        self.pass_time(max(0.0, acted_at + SETTINGS_KEPT_S - time.monotonic()))
        self.frontends = [self.frontend()]
        self._logged = {file.stem: file.stat().st_size for file in self.stack.log_folder.glob("*.log")}

    def forget_settings(self) -> None:
        """The defaults are in force, and the sweep comes as often as they say."""
        self.books.query("delete from system_settings")
        self.revive("webhook")
        self._touched.add("webhook")

    def frontend(self) -> Frontend:
        """A user who is new."""
        return Frontend(self.stack.gateway_url, self.stack.issuer_url)

    @property
    def user(self) -> Frontend:
        """The test's first user."""
        return self.frontends[0]

    def limit_owners(self, count: int) -> None:
        """How many jobs of an owner may run at once."""
        self.books.set("limits.active_jobs_per_owner", count)
        self.owner_limit = count

    # processes

    def child(self, name: str) -> Child:
        return self.stack.supervisor.child(name)

    def arm(self, name: str, point: str, skip: int = 0) -> None:
        """Let a service die at a crash point, after it passed it so often."""
        self._touched.add(name)
        self.stack.supervisor.restart(name, environment={"CRASH_AT": f"{point}:{skip}"})

    def await_death(self, name: str, place: str, within_s: float = DEATH_S) -> Before:
        """Wait until it died there by SIGKILL. Raises AssertionError if it did not."""
        child = self.child(name)
        assert child.await_exit(within_s), f"{name} did not come to {place} within {within_s:.0f} s"
        assert child.exit_code == -signal.SIGKILL, f"{name} ended with {child.exit_code}: {child.last_lines(5)}"
        self.record.strike(name, "SIGKILL", place)
        return self.before()

    def before(self) -> Before:
        """What is bought by now."""
        stored = self.books.query("select account ->> 'handle' as handle from profiles where status = 'found'")
        return Before(calls=len(self.upstream.calls()), handles=frozenset(row["handle"] for row in stored))

    def halt(self, *names: str) -> None:
        """End services in order: they are not there for a while."""
        for name in names:
            self._touched.add(name)
            assert self.child(name).stop() == 0

    def kill(self, name: str, place: str) -> None:
        """End a process at once: Postgres with all its backends by SIGQUIT, the others by SIGKILL."""
        number = signal.SIGQUIT if name == "postgres" else signal.SIGKILL
        child = self.child(name)
        assert child.is_running, f"{name} had ended by itself: {child.last_lines(5)}"
        child.signal(number)
        assert child.await_exit(DEATH_S)
        self.record.strike(name, number.name, place)

    def revive(self, *names: str) -> None:
        """Start again what has ended, without a crash point, and wait until it is ready."""
        for name in names:
            if name in _SERVERS:
                self._revive_server(name)
        services = [name for name in names if name not in _SERVERS]
        self.stack.supervisor.restart(*services)
        self._touched -= set(services)

    def relaunch(self, name: str) -> None:
        """Start again what has ended; only servers are waited for."""
        if name in _SERVERS:
            self._revive_server(name)
        else:
            self.stack.supervisor.relaunch(name)

    def start_ended(self) -> None:
        """Start again, as an orchestrator does, what gave up at its start because a server did not let it in."""
        for child in self.stack.supervisor.children:
            if not child.is_running:
                assert child.exit_code == EXIT_CONFIGURATION, f"{child.name}: {child.exit_code} {child.last_lines(5)}"
                self.relaunch(child.name)
                self.record.confirm("a service that was not let in at its start said so, ended, and was started again")

    def await_ready(self) -> None:
        """Wait until every service says that it is."""
        self.wait(self._are_ready, "all services are ready")

    def _are_ready(self) -> bool:
        self.start_ended()
        urls = [*(self.stack.url(each.name) for each in SERVICES), *self._copies.values()]
        return all(probe(f"{url}/readyz") is None for url in urls)

    def freeze(self, name: str, place: str) -> None:
        """Stop a process in the middle of whatever it does."""
        self._touched.add(name)
        self.child(name).signal(signal.SIGSTOP)
        self.record.strike(name, "SIGSTOP", place)

    def thaw(self, name: str) -> None:
        self.child(name).signal(signal.SIGCONT)
        self.record.strike(name, "SIGCONT", "after the takeover")

    def replicate(self, name: str) -> str:
        """Start another replica of a service; returns its name. It is gone after the test."""
        copy, port = f"{name}-{len(self._copies) + 2}", free_port()
        url = f"http://{LOOPBACK}:{port}"
        self.stack.supervisor.start_copy(name, copy, {"PORT": str(port)}, f"{url}/readyz")
        self._copies[copy] = url
        return copy

    def pids(self) -> dict[str, int]:
        return {child.name: child.pid for child in self.stack.supervisor.children}

    def log(self, name: str) -> list[dict[str, Any]]:
        """What a service has logged in this test, over all its lives."""
        with self.child(name).log.open("rb") as file:
            file.seek(self._logged.get(name, 0))
            return [json.loads(line) for line in file if line.startswith(b"{") and line.endswith(b"\n")]

    # the sweep

    def forbid_sweeps(self) -> None:
        """Hold the sweep's lock, as a replica that sweeps for long would."""
        self._guard = self.books.connect()
        self._guard.execute("select pg_advisory_lock(%s)", [SWEEP_LOCK])

    def allow_sweeps(self) -> None:
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def drop_schedule(self) -> None:
        """No calls of QStash's schedule: its attempts would use up the misbehaviour meant for steps."""
        self.wait(lambda: self.qstash.stats()["schedules"] > 0, "the schedule is kept")
        with self.qstash.rest() as client:
            client.delete(_SCHEDULE).raise_for_status()

    # waiting

    def pass_time(self, seconds: float) -> None:
        """An outage has a length; nothing is waited for."""
        time.sleep(seconds)

    def wait(self, is_done: Callable[[], bool], what: str, within_s: float = DEATH_S) -> None:
        """Look again and again. Raises AssertionError that says what did not happen."""
        assert wait_until(is_done, within_s, LOOK_S), f"not within {within_s:.0f} s: {what}"

    def await_end(self, within_s: float = END_S) -> None:
        """Wait until all jobs are final, looking at each owner's running jobs all the time."""
        self.wait(self._look, "all jobs are final", within_s)

    def _look(self) -> bool:
        """Whether all jobs are final. Postgres may be on its way back."""
        try:
            jobs = self.books.query("select owner, status, admitted_at from jobs")
        except psycopg.OperationalError:
            return False
        running = [job["owner"] for job in jobs if job["status"] not in FINAL and job["admitted_at"] is not None]
        most = max((running.count(owner) for owner in set(running)), default=0)
        assert most <= self.owner_limit, f"{most} jobs of one owner run"
        self.record.confirm("no owner runs more jobs at once than its limit")
        return bool(jobs) and all(job["status"] in FINAL for job in jobs)

    def _nats(self) -> Nats:
        assert self.stack.nats is not None
        return self.stack.nats

    def _is_unharmed(self, name: str) -> bool:
        return self.child(name).is_running and name not in self._touched

    def _revive_server(self, name: str) -> None:
        server = self.stack.postgres if name == "postgres" else self.stack.nats
        assert server is not None
        old = server.child
        self.books.hang_up()
        server.restart()
        self.stack.supervisor.replace(old, server.child)
