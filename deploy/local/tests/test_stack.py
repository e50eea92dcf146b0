"""The stack: order, environment, ends. Postgres, NATS and the processes are real; the services are stand-ins."""

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from common.messaging.connection import connect_messaging
from local.child import ProcessError, start_ticks, wait_until
from local.port import LOOPBACK, free_port, is_free
from local.stack import SERVICES, Options, Stack, choose_ports

pytestmark = pytest.mark.server

PARTS = ["postgres", "nats", "qstash", "sandbox", "issuer", "gateway", "webhook", "tiktok", "instagram", "youtube"]
USERS = [
    *(
        "SCRAPECREATORS_API_KEY",
        "SCRAPECREATORS_BASE_URL",
        "QSTASH_URL",
        "QSTASH_TOKEN",
        "CLERK_ISSUER",
        "CLERK_SECRET_KEY",
    ),
    *("DATABASE_URL", "NATS_URL", "HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OTEL_EXPORTER_OTLP_ENDPOINT"),
]
OURS = ("SCRAPECREATORS_", "QSTASH_", "CLERK_", "DATABASE_", "NATS_", "PUBLIC_", "HOST", "PORT")


def note(notes: Path, name: str) -> dict[str, str]:
    return json.loads((notes / name).read_text())


def ours(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(OURS)}


def options(folder: Path, **more: object) -> Options:
    environment = {"PART_NOTES": str(folder / "notes")} | dict(more.pop("environment", {}))  # type: ignore[call-overload]
    return Options(folder / "data", bin_folder=folder / "bin", environment=environment, **more)  # type: ignore[arg-type]


async def test_everything_runs_then_nothing(folder: Path, notes: Path) -> None:
    """Every part answers where its URL says; after the stop no process and no open port is left."""
    with Stack.start(options(folder)) as stack:
        assert list(stack.urls) == ["postgres", "nats", "nats monitoring", *PARTS[2:]]
        with psycopg.connect(stack.urls["postgres"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stack.nats is not None
        messaging = await connect_messaging(stack.nats.client_settings("gateway"), name="gateway", on_lost=print)
        await messaging.close()
        assert [child.name for child in stack.supervisor.children] == PARTS
        assert stack.mint_token().startswith("token-")
        pids = [child.pid for child in stack.supervisor.children]
    assert all(start_ticks(pid) is None for pid in pids)
    assert all(is_free(port) for port in stack.ports.values())


def test_each_service_gets_what_it_needs_and_nothing_of_the_users(
    folder: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime contract, variable by variable; what the user's shell holds stays there."""
    for name in USERS:
        monkeypatch.setenv(name, "http://real.example")
    with Stack.start(options(folder)) as stack:
        urls = stack.urls
    assert urls["nats"].startswith("tls://")
    identities = (folder / "data" / "nats" / "identities").resolve()
    common = {"NATS_URL": urls["nats"], "NATS_CA_FILE": str(identities / "ca.pem")}
    publishing = {
        "QSTASH_URL": urls["qstash"],
        "QSTASH_TOKEN": "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
        "PUBLIC_WEBHOOK_URL": urls["webhook"],
    }
    worker = publishing | {"SCRAPECREATORS_API_KEY": "sandbox", "SCRAPECREATORS_BASE_URL": urls["sandbox"]}
    own = {
        "gateway": publishing | {"CLERK_ISSUER": urls["issuer"], "CLERK_AUTHORIZED_PARTIES": "http://localhost:3000"},
        "webhook": publishing
        | {
            "QSTASH_CURRENT_SIGNING_KEY": "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
            "QSTASH_NEXT_SIGNING_KEY": "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
        },
        "tiktok": worker,
        "instagram": worker,
        "youtube": worker,
    }
    seed = {"NATS_NKEY_SEED_FILE": str(identities / "migrate.seed")}
    assert ours(note(notes, "migrate")) == common | seed | {"DATABASE_URL": urls["postgres"]}
    for name, expected in own.items():
        address = {"HOST": "127.0.0.1", "PORT": str(stack.ports[name])}
        noted = ours(note(notes, name))
        assert noted.pop("DATABASE_URL") != urls["postgres"]
        seed = {"NATS_NKEY_SEED_FILE": str(identities / f"{name}.seed")}
        assert noted == common | seed | expected | address
    for name in (*own, "migrate", "qstash", "sandbox", "issuer"):
        assert "real.example" not in json.dumps(note(notes, name))


def test_each_service_has_its_own_role_in_postgres(folder: Path, notes: Path) -> None:
    """Its own password too, the same after a stop and a new start; the owner's stands in no service's environment."""
    roles = {"gateway": "gateway", "webhook": "webhook", "tiktok": "worker", "instagram": "worker", "youtube": "worker"}
    passwords: list[dict[str, str | None]] = []
    for _ in range(2):
        with Stack.start(options(folder)) as stack:
            urls = {name: note(notes, name)["DATABASE_URL"] for name in roles}
            for name, url in urls.items():
                with psycopg.connect(url) as connection:
                    assert connection.execute("SELECT current_user, current_database()").fetchone() == (
                        roles[name],
                        "creatorscout",
                    )
            assert stack.postgres is not None
            owners = stack.postgres.password()
        passwords.append({name: urlsplit(url).password for name, url in urls.items()})
        assert not any(owners in json.dumps(note(notes, name)) for name in roles)
    assert passwords[0] == passwords[1]
    assert len({*passwords[0].values()}) == 3


def test_the_order_is_servers_stand_ins_migrations_services(folder: Path, notes: Path) -> None:
    with Stack.start(options(folder)):
        pass
    at = {path.name: json.loads(path.read_text())["at"] for path in notes.iterdir()}
    assert max(at["qstash"], at["sandbox"], at["issuer"]) < at["migrate"]
    assert at["migrate"] < min(at[service.name] for service in SERVICES)


def test_the_real_upstream_needs_its_key_and_no_sandbox(
    folder: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRAPECREATORS_API_KEY", raising=False)
    with pytest.raises(ProcessError) as caught:
        Stack.start(options(folder, real=True))
    assert str(caught.value) == "local: SCRAPECREATORS_API_KEY is not set: the real upstream needs its key"
    assert list(notes.iterdir()) == []
    monkeypatch.setenv("SCRAPECREATORS_API_KEY", "a-real-key")
    with Stack.start(options(folder, real=True)) as stack:
        assert "sandbox" not in stack.urls
    environment = note(notes, "tiktok")
    assert environment["SCRAPECREATORS_API_KEY"] == "a-real-key"
    assert "SCRAPECREATORS_BASE_URL" not in environment
    assert "SCRAPECREATORS_API_KEY" not in note(notes, "gateway")


@pytest.mark.parametrize("name", ["qstash", "migrate", "tiktok"])
def test_a_part_that_cannot_start_is_named_and_the_rest_is_stopped(folder: Path, notes: Path, name: str) -> None:
    began = options(folder, environment={"PART_BREAKS": f"{name}:start"})
    heard: list[str] = []
    with pytest.raises(ProcessError) as caught:
        Stack.start(began, heard.append)
    assert (caught.value.name, caught.value.lines) == (name, ("CLERK_ISSUER is missing",))
    assert heard[0] == "starting Postgres and NATS"
    assert not (folder / "data" / "postgres" / "data" / "postmaster.pid").exists()


def test_a_part_that_dies_is_noticed(folder: Path, notes: Path) -> None:
    with Stack.start(options(folder, environment={"PART_BREAKS": "tiktok:later"})) as stack:
        with pytest.raises(ProcessError, match="tiktok: ended with exit code 7") as caught:
            assert not wait_until(lambda: stack.check() is not None, 10)
        assert caught.value.lines == ("the last words",)


def test_no_port_is_given_twice() -> None:
    for _ in range(20):
        ports = choose_ports(Options(Path("unused")))
        assert len(set(ports.values())) == len(ports) == len(PARTS)


def test_a_preferred_port_is_taken_only_if_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.create_server((LOOPBACK, port)):
        assert free_port(port) != port
