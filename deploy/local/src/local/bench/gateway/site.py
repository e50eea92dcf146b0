"""What stands for a measurement: the gateway and what it needs, the bare handler beside it, one finished job."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import psycopg

from local.bench.gateway.seed import seed_job
from local.child import Child, Command, plain_environment
from local.loopback import PLAIN_HTTP
from local.port import LOOPBACK, free_port
from local.postgres import DATABASE
from local.process import Part, Supervisor
from local.stack import AUTHORIZED_PARTY, SERVICES, USER, Options, Stack

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_HEADERS = {
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9",
    "Origin": AUTHORIZED_PARTY,
    "Referer": f"{AUTHORIZED_PARTY}/",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-site",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
# Beyond what anybody can ask in a minute, so that the limit is counted but never reached.
_REQUESTS_PER_MINUTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement."""

    port: int
    child: Child

    @property
    def cpu_s(self) -> float:
        """The CPU time that it has used."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Site:
    gateway: Server
    bare: Server
    trivial: Server
    job_id: UUID
    running_job_id: UUID
    issuer_url: str

    def mint(self, count: int) -> list[str]:
        """So many different session tokens of the job's owner."""
        with httpx.Client(**PLAIN_HTTP) as client:
            wishes = ({"user": USER, "claims": {"jti": f"{time.time_ns()}"}, "expires_in": 300} for _ in range(count))
            answers = [client.post(f"{self.issuer_url}/token", json=wish) for wish in wishes]
        return [answer.raise_for_status().json()["token"] for answer in answers]

    def tag(self, path: str) -> str:
        """The ETag with which the gateway answers now."""
        headers = {"Authorization": f"Bearer {self.mint(1)[0]}"}
        answer = httpx.get(f"http://{LOOPBACK}:{self.gateway.port}{path}", headers=headers, timeout=30, **PLAIN_HTTP)
        return answer.raise_for_status().headers["ETag"]


def write_request(path: str, port: int, **more: str) -> str:
    """A request as a browser's `fetch` writes it; `more` are headers, `_` standing for `-`."""
    headers = {"Host": f"{LOOPBACK}:{port}", **_HEADERS, **{key.replace("_", "-"): text for key, text in more.items()}}
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items()), "", ""])


@contextmanager
def open_site(folder: Path, creator_count: int, report: Callable[[str], None]) -> Generator[Site]:
    """Start it all and make a job with so many creators. Raises ProcessError."""
    services = tuple(service for service in SERVICES if service.name == "gateway")
    with Stack.start(Options(folder, services=services), report) as stack, Supervisor() as others:
        report(f"making a job of {creator_count:,} creators")
        assert stack.postgres is not None
        job_id = asyncio.run(seed_job(stack.postgres.database_url(DATABASE), f"user:{USER}", creator_count))
        running = seed_job(stack.postgres.database_url(DATABASE), f"user:{USER}", creator_count, is_running=True)
        running_job_id = asyncio.run(running)
        _lift_limit(stack.postgres.database_url(DATABASE))
        bare_url = stack.postgres.database_url(DATABASE, "worker")  # who sees the row without more ado
        yield Site(
            gateway=Server(stack.ports["gateway"], stack.supervisor.child("gateway")),
            bare=_start(others, "bare", folder, DATABASE_URL=bare_url),
            trivial=_start(others, "trivial", folder),
            job_id=job_id,
            running_job_id=running_job_id,
            issuer_url=stack.issuer_url,
        )


def _start(supervisor: Supervisor, name: str, folder: Path, **environment: str) -> Server:
    port = free_port()
    argv = [sys.executable, "-m", f"local.bench.gateway.{name}", str(port)]
    command = Command(name, argv, plain_environment(environment), folder / "log" / f"{name}.log")
    supervisor.start(Part(command, f"tcp://{LOOPBACK}:{port}"))
    return Server(port, supervisor.child(name))


def _lift_limit(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """insert into system_settings (category, key, value)
               values ('limits', 'requests_per_owner_per_minute', %s::text::jsonb)""",
            [_REQUESTS_PER_MINUTE],
        )
