"""What stands for a measurement: the gateway and what it needs, the bare handler beside it, one finished job."""

import asyncio
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

import httpx
import psycopg

from local.bench.gateway.seed import PAGE_SIZE, seed_job
from local.child import Child, Command, plain_environment
from local.loopback import PLAIN_HTTP
from local.port import LOOPBACK, free_port
from local.postgres import DATABASE
from local.process import Part, Supervisor
from local.stack import AUTHORIZED_PARTY, USER, Options, Stack, services_named
from local.usage import cpu_s

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
_OTHER_USERS, _JOBS_PER_USER = 10, 3


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement."""

    port: int
    child: Child

    @property
    def cpu_s(self) -> float:
        """The CPU time that it has used."""
        return cpu_s(self.child.pid)


@dataclass(frozen=True, slots=True)
class Site:
    """`others` are running jobs of other users, each with its user."""

    gateway: Server
    bare: Server
    trivial: Server
    job_id: UUID
    running_job_id: UUID
    others: tuple[tuple[str, UUID], ...]
    issuer_url: str

    def mint(self, count: int, user: str = USER) -> list[str]:
        """So many different session tokens of this user."""
        with httpx.Client(**PLAIN_HTTP) as client:
            wishes = ({"user": user, "claims": {"jti": f"{time.time_ns()}"}, "expires_in": 300} for _ in range(count))
            answers = [client.post(f"{self.issuer_url}/token", json=wish) for wish in wishes]
        return [answer.raise_for_status().json()["token"] for answer in answers]

    def signed(self, path: str, *, status: int, tokens: int, user: str = USER) -> list[str]:
        """Requests to the gateway, each with a token of its own; 304: they show the tag with which it answers now."""
        condition = {"If_None_Match": self.tag(path, user)} if status == HTTPStatus.NOT_MODIFIED else {}
        return [
            write_request(path, self.gateway.port, Authorization=f"Bearer {token}", **condition)
            for token in self.mint(tokens, user)
        ]

    def tag(self, path: str, user: str = USER) -> str:
        """The ETag with which the gateway answers now."""
        headers = {"Authorization": f"Bearer {self.mint(1, user)[0]}"}
        answer = httpx.get(f"http://{LOOPBACK}:{self.gateway.port}{path}", headers=headers, timeout=30, **PLAIN_HTTP)
        return answer.raise_for_status().headers["ETag"]


def write_request(path: str, port: int, **more: str) -> str:
    """A request as a browser's `fetch` writes it; `more` are headers, `_` standing for `-`."""
    headers = {"Host": f"{LOOPBACK}:{port}", **_HEADERS, **{key.replace("_", "-"): text for key, text in more.items()}}
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items()), "", ""])


@contextmanager
def open_site(folder: Path, creator_count: int, report: Callable[[str], None]) -> Generator[Site]:
    """Start it all and make a job with so many creators. Raises ProcessError."""
    with Stack.start(Options(folder, services=services_named("gateway")), report) as stack, Supervisor() as others:
        report(f"making a job of {creator_count:,} creators")
        assert stack.postgres is not None
        url = stack.postgres.database_url(DATABASE)
        job_id = asyncio.run(seed_job(url, f"user:{USER}", creator_count))
        running_job_id = asyncio.run(seed_job(url, f"user:{USER}", creator_count, is_running=True))
        users = [f"user_other{number}" for number in range(_OTHER_USERS) for _ in range(_JOBS_PER_USER)]
        jobs = [(user, asyncio.run(seed_job(url, f"user:{user}", PAGE_SIZE, is_running=True))) for user in users]
        _lift_limit(url)
        bare_url = stack.postgres.database_url(DATABASE, "worker")  # who sees the row without more ado
        yield Site(
            gateway=Server(stack.ports["gateway"], stack.supervisor.child("gateway")),
            bare=start_server(others, "local.bench.gateway.bare", folder, {"DATABASE_URL": bare_url}),
            trivial=start_server(others, "local.bench.gateway.trivial", folder, {}),
            job_id=job_id,
            running_job_id=running_job_id,
            others=tuple(jobs),
            issuer_url=stack.issuer_url,
        )


def start_server(supervisor: Supervisor, module: str, folder: Path, environment: Mapping[str, str]) -> Server:
    """A module that serves on the port that it is told. Raises ProcessError."""
    port, name = free_port(), module.rpartition(".")[2]
    argv = [sys.executable, "-m", module, str(port)]
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
