"""The embedded Postgres: starts as whoever we are, survives what a server must survive."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from local.child import ProcessError, start_ticks, wait_until
from local.port import is_free
from local.postgres import Postgres

pytestmark = pytest.mark.server

SCRIPT = """
import sys
from pathlib import Path
import psycopg
from local.postgres import Postgres

with Postgres.start(Path(sys.argv[1]), durable=False) as server:
    with psycopg.connect(server.url) as connection:
        print(connection.execute("SELECT 'it answers'").fetchone()[0])
    owner = Path(f"/proc/{server.pid}").stat().st_uid
    print("owner", owner)
"""


def count_rows(server: Postgres) -> int:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return row[0]


def test_committed_rows_survive_a_kill_and_a_restart_on_the_same_port(folder: Path) -> None:
    """A crash loses no committed row, and URL and password stay the same."""
    with Postgres.start(folder) as server:
        url, first_pid = server.url, server.pid
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.restart()
        assert server.url == url
        assert server.pid != first_pid
        assert count_rows(server) == 1000


def test_a_new_start_on_a_kept_folder_has_the_data_of_the_last(folder: Path) -> None:
    with Postgres.start(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        port = server.port
    with Postgres.start(folder, port=port) as server:
        assert server.port == port
        assert count_rows(server) == 1


def test_a_kill_ends_busy_backends_too(folder: Path) -> None:
    """A backend in the middle of a statement has left the process group; it must not outlive the server."""
    with Postgres.start(folder, durable=False) as server:
        connection = psycopg.connect(server.url, autocommit=True)
        backend = connection.info.backend_pid
        busy = subprocess.Popen(
            [sys.executable, "-c", f"import psycopg; psycopg.connect({server.url!r}).execute('SELECT pg_sleep(60)')"],
            stderr=subprocess.DEVNULL,
        )
        query = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()"
        assert wait_until(lambda: connection.execute(query).fetchone() is not None, 20)
        row = connection.execute(query).fetchone()
        assert row is not None
        server.kill()
        assert start_ticks(row[0]) is None
        assert start_ticks(backend) is None
        busy.wait(20)


def test_only_who_reads_the_password_file_gets_in(folder: Path) -> None:
    with Postgres.start(folder, durable=False) as server:
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://creatorscout:guess@127.0.0.1:{server.port}/creatorscout")


def test_it_is_durable_unless_told_otherwise(folder: Path) -> None:
    settings = []
    for durable in (True, False):
        with Postgres.start(folder, durable=durable) as server, psycopg.connect(server.url) as connection:
            settings.append([connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "max_connections")])
    assert settings == [[("on",), ("200",)], [("off",), ("200",)]]


def test_a_start_that_fails_says_why_with_the_servers_own_words(folder: Path) -> None:
    with Postgres.start(folder / "one", durable=False) as server:
        with pytest.raises(ProcessError, match="could not bind") as caught:
            Postgres.start(folder / "two", port=server.port, durable=False)
        assert caught.value.name == "postgres"
        assert caught.value.lines


def test_a_half_made_cluster_is_made_again(folder: Path) -> None:
    """What an interrupted initdb left is not taken for a cluster."""
    (folder / "initdb-interrupted" / "data").mkdir(parents=True)
    with Postgres.start(folder, durable=False) as server, psycopg.connect(server.url):
        assert (folder / "data" / "PG_VERSION").exists()


def test_it_stops_fast_and_leaves_the_port(folder: Path) -> None:
    with Postgres.start(folder, durable=False) as server:
        pid = server.pid
    assert start_ticks(pid) is None
    assert is_free(server.port)


def test_it_ends_when_its_starter_is_killed(folder: Path) -> None:
    """SIGKILL of the process that started it leaves no Postgres behind."""
    script = SCRIPT + "    print(server.pid, flush=True)\n    sys.stdin.read()\n"
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    lines = [starter.stdout.readline() for _ in range(3)]
    pid = int(lines[2])
    assert start_ticks(pid) is not None
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert wait_until(lambda: start_ticks(pid) is None, 10)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv to drop it")
def test_it_starts_as_an_ordinary_user(folder: Path) -> None:
    """Started by user 65534, who keeps only the right to read our files (this interpreter may be in root's home)."""
    os.chown(folder, 65534, 65534)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    drop += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    ran = subprocess.run(
        [*drop, sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split("\n")[:2] == ["it answers", "owner 65534"], ran.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv")
def test_as_root_without_user_namespaces_it_runs_as_another_user(folder: Path) -> None:
    """With no `unshare` to be found, as where namespaces are forbidden, root's Postgres belongs to another user."""
    commands = folder / "bin"
    commands.mkdir()
    for name in ("setpriv", "sh"):
        (commands / name).symlink_to(str(shutil.which(name)))
    environment = {"PATH": str(commands)}
    data = folder / "below" / "a" / "closed"
    data.mkdir(parents=True)
    (folder / "below").chmod(0o700)
    script = [sys.executable, "-c", SCRIPT, str(data)]
    ran = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("it answers"), ran.stderr
    assert int(ran.stdout.split()[-1]) != 0
