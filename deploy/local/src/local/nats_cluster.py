"""Three nats-servers on loopback that keep the streams together, on the configuration that is shipped: for tests."""

import json
import secrets
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from common.settings import NatsSettings
from local.child import Child, Command, ProcessError, plain_environment, wait_until
from local.keyring import Keyring, make_authority, make_certificate, write_pair
from local.loopback import PLAIN_HTTP
from local.nats import SHIPPED
from local.port import LOOPBACK, free_port
from local.process import probe

CLUSTER = SHIPPED.with_name("cluster.conf")
SIZE = 3
_READY_S = 60.0


@dataclass(slots=True)
class Member:
    """One server: its name, where it listens, and what it is given."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    route_port: int = field(default_factory=free_port)
    monitor_port: int = field(default_factory=free_port)
    child: Child | None = None

    @property
    def monitor_url(self) -> str:
        return f"http://{LOOPBACK}:{self.monitor_port}"

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.is_running

    def start(self, environment: dict[str, str]) -> Child:
        argv = [str(Path(sys.executable).parent / "nats-server"), "-c", str(CLUSTER)]
        log = self.folder / f"{self.name}.log"
        self.child = Child.start(Command(self.name, argv, plain_environment(environment), log, signal.SIGINT))
        return self.child

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self.child is not None:
            self.child.kill()


class NatsCluster:
    """Made by `NatsCluster.start`; as a context manager it ends all at the end."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self.folder = folder
        self.keyring = keyring
        self.password = secrets.token_hex(16)
        self.members = [Member(f"nats-{number}", folder) for number in range(SIZE)]
        now = datetime.now(UTC)
        self.authority = make_authority(now)
        write_pair(self.authority, folder / "routes-ca.pem", folder / "routes-ca.key")
        pair = make_certificate(self.authority, now, (LOOPBACK,), is_client=True)
        write_pair(pair, folder / "routes.pem", folder / "routes.key")

    @classmethod
    def start(cls, folder: Path, keyring: Keyring) -> Self:
        """Start all and wait until they agree. Raises ProcessError."""
        folder.mkdir(parents=True, exist_ok=True)
        cluster = cls(folder.resolve(), keyring)
        try:
            for member in cluster.members:
                member.start(cluster.environment(member))
            cluster.await_ready()
        except BaseException:
            cluster.kill()
            raise
        return cluster

    def environment(self, member: Member) -> dict[str, str]:
        """The variables of both shipped files, each in their language."""
        routes = [f"nats-route://server:{self.password}@{LOOPBACK}:{each.route_port}" for each in self.members]
        texts = {
            "NATS_SERVER_NAME": member.name,
            "NATS_HOST": LOOPBACK,
            "NATS_MONITORING": f"{LOOPBACK}:{member.monitor_port}",
            "NATS_STORE_DIR": self.folder / member.name,
            "NATS_CLUSTER_LISTEN": f"{LOOPBACK}:{member.route_port}",
            "NATS_ROUTE_PASSWORD": self.password,
            "NATS_ROUTE_CERT_FILE": self.folder / "routes.pem",
            "NATS_ROUTE_KEY_FILE": self.folder / "routes.key",
            "NATS_ROUTE_CA_FILE": self.folder / "routes-ca.pem",
            **self.keyring.for_server,
        }
        quoted = {name: json.dumps(str(value)) for name, value in texts.items()}
        return {**quoted, "NATS_PORT": str(member.port), "NATS_ROUTES": json.dumps(routes)}

    def client_settings(self, name: str, member: Member) -> NatsSettings:
        """What a process is given to connect as `name` to this server."""
        given = {"NATS_URL": f"tls://{LOOPBACK}:{member.port}", **self.keyring.for_client(name)}
        return NatsSettings(**{key.lower(): value for key, value in given.items()})  # pyright: ignore[reportArgumentType]

    def await_ready(self) -> None:
        """Until every running server has what the cluster agreed upon, and whoever leads has heard of each."""

        def is_settled() -> bool:
            running = [member for member in self.members if member.is_running]
            if not running or any(probe(f"{member.monitor_url}/healthz") for member in running):
                return False
            return any(_knows_others(member) >= len(running) - 1 for member in running)

        if not wait_until(is_settled, _READY_S):
            child = self.members[0].child
            raise child.failure("did not agree") if child else ProcessError("nats", "was not started")

    def kill(self) -> None:
        for member in self.members:
            member.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()


def _knows_others(member: Member) -> int:
    """How many others this server has heard of lately; none unless it leads the cluster."""
    cluster = httpx.get(f"{member.monitor_url}/jsz", timeout=5, **PLAIN_HTTP).json().get("meta_cluster", {})
    replicas = cluster.get("replicas") or []
    return sum(not each.get("offline") and each.get("current", False) for each in replicas)
