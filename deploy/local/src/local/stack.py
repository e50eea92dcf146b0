"""The whole of Creatorscout on loopback, as a table of parts and the order in which they start.

Each service gets the variables that it needs and nothing else of ours: whatever the user's shell holds, the stack talks
to the stand-ins. Only `real` lets one thing through, the upstream's key.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from local.child import Command, ProcessError
from local.issuer.client import mint
from local.keyring import Keyring
from local.nats import Nats
from local.port import LOOPBACK, free_port
from local.postgres import DATABASE, ROLE, Postgres
from local.process import Part, Supervisor
from local.role import make_service_roles

USER = "user_demo"
AUTHORIZED_PARTY = "http://localhost:3000"
# Published by QStash for its development server: worth nothing, and refused by our services anywhere but on loopback.
QSTASH_TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0="  # noqa: S105
QSTASH_CURRENT_SIGNING_KEY = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
QSTASH_NEXT_SIGNING_KEY = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"
KEY_VARIABLE = "SCRAPECREATORS_API_KEY"

COMMANDS = Path(sys.executable).parent
MIGRATE_S = 120.0
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LOG_LEVEL", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PASSED_ON_WHEN_REAL = ("HTTPS_PROXY", "https_proxy")
_QSTASH = ("QSTASH_URL", "QSTASH_TOKEN", "PUBLIC_WEBHOOK_URL")
_NATS = ("NATS_URL", "NATS_NKEY_SEED_FILE", "NATS_CA_FILE")
_WORKER = ("DATABASE_URL", *_NATS, *_QSTASH, KEY_VARIABLE, "SCRAPECREATORS_BASE_URL")


@dataclass(frozen=True, slots=True)
class Service:
    """A command of ours: the port that people expect it on, its role in Postgres, the variables that it needs.

    Its name is its identity at NATS.
    """

    name: str
    port: int
    role: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandIn:
    """A stand-in for something outside: `local <name>`, ready when this path answers."""

    name: str
    port: int
    ready: str = "/readyz"


POSTGRES_PORT = 5432
NATS_PORT = 4222
STAND_INS = (
    StandIn("qstash", 8080, "/_standin/readyz"),
    StandIn("sandbox", 8090),
    StandIn("issuer", 8092),
)
MIGRATE_NEEDS = ("DATABASE_URL", *_NATS)
SERVICES = (
    Service(
        "gateway",
        8000,
        "gateway",
        ("DATABASE_URL", *_NATS, *_QSTASH, "CLERK_ISSUER", "CLERK_AUTHORIZED_PARTIES"),
    ),
    Service(
        "webhook",
        8001,
        "webhook",
        ("DATABASE_URL", *_NATS, *_QSTASH, "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"),
    ),
    Service("tiktok", 8010, "worker", _WORKER),
    Service("instagram", 8011, "worker", _WORKER),
    Service("youtube", 8012, "worker", _WORKER),
)


def services_named(*names: str) -> tuple[Service, ...]:
    """These of our services, in the order of their start."""
    return tuple(service for service in SERVICES if service.name in names)


@dataclass(frozen=True, slots=True)
class Options:
    """How to start the stack. `bin_folder` is where the commands are; `environment` is added to every service's."""

    folder: Path
    real: bool = False
    latency: str = "demo"
    is_usual_ports: bool = False
    """Prefer the ports that people expect (8000 for the gateway...) to free ones by chance."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    bin_folder: Path = COMMANDS
    services: tuple[Service, ...] = SERVICES
    """Which of our services to start; all have an address."""
    has_tester: bool = False
    """Let tests do everything at NATS, as one more identity (see `local.keyring`)."""


def ignore(_: str) -> None:
    """For who does not want to know what happens."""


class Stack:
    """The running stack; made by `Stack.start`. As a context manager it stops everything at the end."""

    def __init__(self, options: Options, report: Callable[[str], None] = ignore) -> None:
        self._options = options
        self._report = report
        self.ports = choose_ports(options)
        self.log_folder = options.folder / "log"
        self.postgres: Postgres | None = None
        self.nats: Nats | None = None
        self.supervisor = Supervisor()

    @classmethod
    def start(cls, options: Options, report: Callable[[str], None] = ignore) -> "Stack":
        """Start everything in order and wait until it is ready; `report` hears what is being started.

        Raises ProcessError, with the last log lines of the part that failed; whatever was started is stopped then.
        """
        if options.real and not os.environ.get(KEY_VARIABLE):
            raise ProcessError("local", f"{KEY_VARIABLE} is not set: the real upstream needs its key")
        stack = cls(options, report)
        try:
            stack._start()
        except BaseException:
            stack.stop()
            raise
        return stack

    @property
    def gateway_url(self) -> str:
        return self.url("gateway")

    @property
    def issuer_url(self) -> str:
        return self.url("issuer")

    @property
    def urls(self) -> dict[str, str]:
        """Every part's URL by its name, in the order of their start."""
        assert self.postgres is not None
        assert self.nats is not None
        http = [name for name in self.ports if name not in ("postgres", "nats")]
        known = {"postgres": self.postgres.url, "nats": self.nats.url, "nats monitoring": self.nats.monitor_url}
        return known | {name: self.url(name) for name in http}

    def url(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[name]}"

    def mint_token(self, user: str = USER, organisation: str | None = None) -> str:
        """A session token of this user, good for about a minute."""
        return mint(self.issuer_url, user, organisation)

    def migration(self) -> Command:
        """`migrate`, as it is run at the start."""
        return self._command("migrate", ["migrate"], MIGRATE_NEEDS)

    def check(self) -> None:
        """Raise ProcessError for a part that died, with its last log lines."""
        self.supervisor.check()

    def stop(self) -> None:
        self.supervisor.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _start(self) -> None:
        for log in self.log_folder.glob("*.log"):
            log.unlink()
        self._report("starting Postgres and NATS")
        self.postgres = Postgres.start(
            self._options.folder / "postgres", self.ports["postgres"], log=self._log("postgres")
        )
        self.supervisor.adopt(self.postgres.child)
        self.nats = self._start_nats()
        self.supervisor.adopt(self.nats.child)
        self._report("starting the stand-ins for QStash, ScrapeCreators and Clerk")
        self.supervisor.start(*(self._stand_in(each) for each in STAND_INS if each.name in self.ports))
        self._report("migrating the database")
        self.supervisor.run(self.migration(), MIGRATE_S)
        make_service_roles(self.postgres)
        self._report("starting the services")
        self.supervisor.start(*(self._service(each) for each in self._options.services))

    def _start_nats(self) -> Nats:
        folder = self._options.folder / "nats"
        keyring = Keyring.open(folder / "identities", has_tester=self._options.has_tester)
        return Nats.start(folder, self.ports["nats"], log=self._log("nats"), keyring=keyring)

    def _log(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"

    def _command(self, name: str, argv: list[str], needs: Iterable[str], role: str = ROLE) -> Command:
        program = str(self._options.bin_folder / argv[0])
        values = self._values(name, role)
        own = {need: values[need] for need in needs if need in values}
        environment = {**self._inherited(), **own, **self._options.environment}
        return Command(name, [program, *argv[1:]], environment, self._log(name))

    def _stand_in(self, each: StandIn) -> Part:
        port = self.ports[each.name]
        argv = ["local", each.name, "--host", LOOPBACK, "--port", str(port)]
        if each.name == "sandbox":
            argv += ["--latency", self._options.latency]
        return Part(self._command(each.name, argv, ()), self.url(each.name) + each.ready)

    def _service(self, service: Service) -> Part:
        command = self._command(service.name, [service.name], service.needs, service.role)
        address = {"HOST": LOOPBACK, "PORT": str(self.ports[service.name])}
        placed = Command(command.name, command.argv, {**command.environment, **address}, command.log)
        return Part(placed, self.url(service.name) + "/readyz")

    def _inherited(self) -> dict[str, str]:
        names = _PASSED_ON + (_PASSED_ON_WHEN_REAL if self._options.real else ())
        passed = {name: os.environ[name] for name in names if name in os.environ}
        return passed | {"LC_ALL": "C.UTF-8", "NO_PROXY": f"{LOOPBACK},localhost", "PYTHONUNBUFFERED": "1"}

    def _values(self, name: str, role: str) -> dict[str, str]:
        """What each variable of the runtime contract is here, for who is `name` at NATS and `role` in Postgres."""
        assert self.postgres is not None
        assert self.nats is not None
        values = {
            "DATABASE_URL": self.postgres.database_url(DATABASE, role),
            **self.nats.client_environment(name),
            "QSTASH_URL": self.url("qstash"),
            "QSTASH_TOKEN": QSTASH_TOKEN,
            "QSTASH_CURRENT_SIGNING_KEY": QSTASH_CURRENT_SIGNING_KEY,
            "QSTASH_NEXT_SIGNING_KEY": QSTASH_NEXT_SIGNING_KEY,
            "PUBLIC_WEBHOOK_URL": self.url("webhook"),
            "CLERK_ISSUER": self.issuer_url,
            "CLERK_AUTHORIZED_PARTIES": AUTHORIZED_PARTY,
        }
        if self._options.real:
            return values | {KEY_VARIABLE: os.environ[KEY_VARIABLE]}
        return values | {KEY_VARIABLE: "sandbox", "SCRAPECREATORS_BASE_URL": self.url("sandbox")}


def choose_ports(options: Options) -> dict[str, int]:
    """A free port for every part, no port twice; there is no sandbox when the upstream is real."""
    usual = {"postgres": POSTGRES_PORT, "nats": NATS_PORT}
    usual |= {each.name: each.port for each in STAND_INS if not (options.real and each.name == "sandbox")}
    usual |= {each.name: each.port for each in SERVICES}
    chosen: dict[str, int] = {}
    for name, port in usual.items():
        candidate = free_port(port) if options.is_usual_ports else free_port()
        while candidate in chosen.values():
            candidate = free_port()
        chosen[name] = candidate
    return chosen
