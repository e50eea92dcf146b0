"""Services replaced one after the other while jobs run and somebody polls, as an orchestrator does it.

For each a second process of the other version comes up first, then the first one is asked to end and started anew in
that version, then the second goes. So for a while both versions serve, and a gateway is always there. Nobody is led to
a gateway any more a while before it is asked to end, as `preStop` and a load balancer see to it: what is led there at
that very moment meets a closed door.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from local.faults.frontend import Frontend
from local.faults.site import Site
from local.port import LOOPBACK, free_port

_POLL_S = 0.2
_PRE_STOP_S = 2.0


@dataclass(slots=True)
class Rollout:
    """`mixed` is called while both versions of a service run."""

    site: Site
    gateways: list[str] = field(default_factory=list[str])
    """Where a gateway may be asked."""

    def __post_init__(self) -> None:
        self.gateways = [self.site.stack.gateway_url]

    def replace(self, name: str, environment: Mapping[str, str], mixed: Callable[[], None] = lambda: None) -> None:
        """Put the version that this environment leads to in the place of what runs. Raises AssertionError if a process
        does not end in order."""
        copy, port = f"{name}-surge", free_port()
        url = f"http://{LOOPBACK}:{port}"
        supervisor = self.site.stack.supervisor
        supervisor.start_copy(name, copy, {**environment, "PORT": str(port)}, f"{url}/readyz")
        try:
            if name == "gateway":
                self.gateways.append(url)
            mixed()
            self._end(name, self.site.stack.url(name))
            supervisor.restart(name, environment=environment)
            if name == "gateway":
                self.gateways.append(self.site.stack.gateway_url)
            self._end(copy, url)
        finally:
            supervisor.dismiss(copy)

    def _end(self, name: str, url: str) -> None:
        if url in self.gateways:
            self.gateways.remove(url)
            self.site.pass_time(_PRE_STOP_S)
        child = self.site.child(name)
        code = child.stop()
        assert code == 0, f"{name} ended with {code}: {child.last_lines(5)}"
        self.site.record.strike(name.removesuffix("-surge"), "SIGTERM", "rollout")


class Poller(threading.Thread):
    """Polls jobs all the time, at whichever gateway takes the connection, as behind a load balancer.

    Whatever is not an answer of 200 is kept in `errors`.
    """

    def __init__(self, rollout: Rollout) -> None:
        super().__init__(daemon=True)
        self._rollout = rollout
        self._jobs: list[tuple[Frontend, str, str]] = []
        self._frontends: dict[tuple[str, str], Frontend] = {}
        self._is_over = threading.Event()
        self.polls = 0
        self.errors: list[str] = []
        self.counts: dict[str, int] = {}

    def add(self, frontend: Frontend, job_id: str, platform: str = "tiktok") -> None:
        self._jobs.append((frontend, job_id, platform))

    def run(self) -> None:
        while not self._is_over.is_set():
            for frontend, job_id, platform in list(self._jobs):
                self._poll(frontend, job_id, platform)
            time.sleep(_POLL_S)

    def end(self) -> None:
        self._is_over.set()
        self.join(60)

    def _poll(self, frontend: Frontend, job_id: str, platform: str) -> None:
        for url in list(self._rollout.gateways):
            try:
                told = self._at(url, frontend.user).poll(job_id, platform)
            except httpx.ConnectError:
                continue
            except httpx.HTTPError as error:
                self.errors.append(f"{url}: {error!r}")
            else:
                self.polls += 1
                if told["processedResults"] < self.counts.get(job_id, 0):
                    self.errors.append(f"job {job_id} went back to {told['processedResults']}")
                self.counts[job_id] = told["processedResults"]
            return
        self.errors.append("no gateway took the connection")

    def _at(self, url: str, user: str) -> Frontend:
        if (url, user) not in self._frontends:
            self._frontends[url, user] = Frontend(url, self._rollout.site.stack.issuer_url, user)
        return self._frontends[url, user]
