"""Fixtures for everybody's tests: real servers, never stand-ins for them. Registered by the root conftest.py.

A test that uses one of them is marked `server`, so that `make check` can leave it out. Each worker process of
pytest-xdist has servers of its own; they are not durable.
"""

import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from local.child import Command, plain_environment
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from local.port import free_port as some_free_port
from local.postgres import Postgres
from local.process import Part, Supervisor
from local.role import make_service_roles

_EMPTY = "template0"
_ROOM_BYTES = 4 * 2**30
SERVER_FIXTURES = frozenset({"postgres_server", "nats_server", "own_nats_server", "sandbox_url"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, before `-m` selects."""
    for item in items:
        if SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    return some_free_port()


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, with a short path."""
    with tempfile.TemporaryDirectory(prefix="creatorscout-", dir=roomy_memory()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[Postgres]:
    """An embedded Postgres. Take `database_url` unless the test is about the server itself."""
    with Postgres.start(server_folder / "postgres", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server(server_folder: Path) -> Iterator[Nats]:
    """An embedded nats-server with JetStream, shared by the tests of a worker process: clean up your streams."""
    with Nats.start(server_folder / "nats", durable=False) as server:
        yield server


@pytest.fixture
def own_nats_server() -> Iterator[Nats]:
    """A nats-server for one test alone, which may kill and restart it."""
    folder = Path(tempfile.mkdtemp(prefix="creatorscout-", dir=roomy_memory()))
    try:
        with Nats.start(folder, durable=False) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def sandbox_server(server_folder: Path) -> Iterator[str]:
    """The URL of a ScrapeCreators sandbox that answers without delay. Take `sandbox_url`."""
    port = some_free_port()
    command = Command(
        "sandbox",
        [sys.executable, "-m", "local.sandbox.main", "--port", str(port), "--latency", "none"],
        plain_environment(),
        server_folder / "sandbox.log",
    )
    with Supervisor() as supervisor:
        supervisor.start(Part(command, f"http://127.0.0.1:{port}/readyz"))
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def sandbox_url(sandbox_server: str) -> str:
    """The sandbox as new: no faults, no calls, full purses."""
    httpx.post(f"{sandbox_server}/_sandbox/reset", **PLAIN_HTTP).raise_for_status()
    return sandbox_server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Postgres) -> str:
    """The name of a database with the migrations applied, to be cloned; the cluster has the services' roles then."""
    if importlib.util.find_spec("migrate.schema") is None:
        pytest.fail("there is no migrate.schema yet; use empty_database_url")
    name = "migrated_template"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade = importlib.import_module("migrate.schema").upgrade
    upgrade(postgres_server.database_url(name))
    make_service_roles(postgres_server)
    return name


@pytest.fixture
def database_url(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """The URL of a new database with the migrations applied, for one test."""
    with new_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def role_url(postgres_server: Postgres, migrated_template: str) -> Callable[[str, str], str]:
    """The URL of a database for a service's role, given any of its URLs."""
    del migrated_template  # its migration made the roles
    return lambda url, role: postgres_server.database_url(url.rpartition("/")[2], role)


@pytest.fixture
def service_database_url(role_url: Callable[[str, str], str], database_url: str) -> Callable[[str], str]:
    """The URL of the test's `database_url` for a service's role: `gateway`, `webhook`, `worker` or `operator`."""
    return lambda role: role_url(database_url, role)


@pytest.fixture(scope="module")
def module_database_url(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """The URL of a new database with the migrations applied, shared by one test file."""
    with new_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_server: Postgres) -> Iterator[str]:
    """The URL of a new database with nothing in it, for one test."""
    with new_database(postgres_server, _EMPTY) as url:
        yield url


@pytest.fixture(scope="module")
def module_empty_database_url(postgres_server: Postgres) -> Iterator[str]:
    """The URL of a new database with nothing in it, shared by one test file."""
    with new_database(postgres_server, _EMPTY) as url:
        yield url


def roomy_memory() -> str | None:
    """The file system in memory, if it has room for the databases of a whole run; None stands for the usual place.

    Making and dropping a database a test is most of what a run writes: it takes a third less time there.
    """
    folder = "/dev/shm"  # noqa: S108 (what is made there has a name of its own)
    if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ROOM_BYTES:
        return folder
    return None


@contextmanager
def new_database(server: Postgres, template: str) -> Generator[str]:
    """A new database cloned from another, dropped at the end with whatever still uses it.

    A clone has the tables' grants of its template but not the database's own, which are repeated here.
    """
    name = f"test_{uuid.uuid4().hex}"
    clone = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    revoke = sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC")
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(clone.format(sql.Identifier(name), sql.Identifier(template)))
        if template != _EMPTY:
            connection.execute(revoke.format(sql.Identifier(name)))
    try:
        yield server.database_url(name)
    finally:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(drop.format(sql.Identifier(name)))
