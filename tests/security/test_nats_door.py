"""Who is let in at NATS, and whom our client believes: every lie about who one is, on both ends."""

import asyncio
import json
import re
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from common.errors import ConfigurationError
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.nkey import make_seed, read_nkey
from common.settings import NatsSettings
from local.child import Child, Command, plain_environment
from local.keyring import Keyring, make_authority, make_certificate, write_pair
from local.nats import SHIPPED, Nats
from local.nats_wire import Refused, Wire, greet
from local.port import LOOPBACK

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

SECRET = b"a-canary-in-the-message"


def refused(server: Nats, seed_file: Path | None = None, **changes: Any) -> None:
    assert server.keyring is not None
    wire = Wire(greet(server.port, server.keyring.ca_file))
    with pytest.raises(Refused) as caught:
        wire.sign_on(seed_file, **changes)
    assert caught.value.args == ("Authorization Violation",)
    wire.close()


@pytest.fixture
def keyring(nats: Nats) -> Keyring:
    assert nats.keyring is not None
    return nats.keyring


def test_nobody_is_let_in_without_an_nkey(nats: Nats, keyring: Keyring) -> None:
    refused(nats)
    refused(nats, user="gateway", **{"pass": "gateway"})
    refused(nats, user=keyring.public("gateway"))
    refused(nats, user="sys", **{"pass": ""})
    refused(nats, auth_token="x")
    refused(nats, jwt="x.y.z")


def test_nobody_is_let_in_with_an_nkey_of_ones_own(nats: Nats, tmp_path: Path) -> None:
    (tmp_path / "own.seed").write_text(make_seed(bytes(range(32))))
    refused(nats, tmp_path / "own.seed")


def test_nobody_is_let_in_who_cannot_sign(nats: Nats, keyring: Keyring) -> None:
    """A public nkey is no secret: without a signature, with another's, or with one of an old nonce it is nothing."""
    public = keyring.public("migrate")
    old = read_nkey(str(keyring.seed_file("migrate"))).sign("a nonce of yesterday").decode()
    refused(nats, nkey=public)
    refused(nats, nkey=public, sig="")
    refused(nats, nkey=public, sig=old)
    refused(nats, keyring.seed_file("gateway"), nkey=public)


def test_a_signature_is_good_for_one_connection(nats: Nats, keyring: Keyring) -> None:
    """What was overheard in one is nothing in the next: each has a nonce of its own."""
    nonces = {greeting(nats, keyring)["nonce"] for _ in range(5)}
    assert len(nonces) == 5


def greeting(nats: Nats, keyring: Keyring) -> dict[str, Any]:
    with greet(nats.port, keyring.ca_file) as connected:
        return json.loads(connected.makefile("rb").readline().removeprefix(b"INFO "))


def test_plaintext_is_not_even_greeted(nats: Nats) -> None:
    """Neither who waits for the server's word, nor who speaks first."""
    with socket.create_connection((LOOPBACK, nats.port), timeout=5) as plain:
        plain.sendall(b'CONNECT {"verbose":true}\r\nPING\r\n')
        heard = plain.recv(1000)
    assert b"INFO" not in heard
    assert b"PONG" not in heard
    with socket.create_connection((LOOPBACK, nats.port), timeout=0.5) as plain, pytest.raises(TimeoutError):
        plain.recv(1)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_old_tls_is_refused(nats: Nats, version: ssl.TLSVersion) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    with socket.create_connection((LOOPBACK, nats.port), timeout=5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)


def test_the_monitoring_is_for_this_machine_alone(nats: Nats) -> None:
    """Whatever else listens, the monitoring is where the environment says, and the local stack says loopback."""
    listening = {
        line.split()[1]
        for line in Path(f"/proc/{nats.pid}/net/tcp").read_text().splitlines()
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{nats.monitor_port:04X}")
    }
    assert listening == {f"0100007F:{nats.monitor_port:04X}"}
    assert nats.environment()["NATS_MONITORING"] == f'"127.0.0.1:{nats.monitor_port}"'
    assert re.findall(r"^http\S*: .*", SHIPPED.read_text(), re.MULTILINE) == ["http: $NATS_MONITORING"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_NKEY_GATEWAY", None),
        ("NATS_NKEY_GATEWAY", '""'),
        ("NATS_NKEY_GATEWAY", "gateway"),
        ("NATS_NKEY_YOUTUBE", None),
        ("NATS_CERT_FILE", None),
        ("NATS_CERT_FILE", '"/nowhere.pem"'),
        ("NATS_KEY_FILE", None),
        ("NATS_STORE_DIR", None),
        ("NATS_PORT", None),
        ("NATS_MONITORING", None),
        ("NATS_NKEY_GATEWAY", "$NATS_NKEY_MIGRATE"),
    ],
)
def test_a_server_that_was_not_told_everything_does_not_start(
    nats: Nats, tmp_path: Path, name: str, value: str | None
) -> None:
    """Rather than to let somebody in, or to speak in plaintext. Nor does one that would take two identities for one."""
    given = {**nats.environment(), "NATS_STORE_DIR": str(tmp_path), name: value}
    if value is not None and value.startswith("$"):
        given[name] = given[value[1:]]
    environment = plain_environment({key: text for key, text in given.items() if text is not None})
    argv = [str(Path(sys.executable).parent / "nats-server"), "-c", str(SHIPPED), "--http_port", "-1"]
    child = Child.start(Command("nats", argv, environment, tmp_path / "log"))
    try:
        assert child.await_exit(10), "it runs"
        assert child.exit_code == 1
    finally:
        child.kill()


async def refuse_to_connect(settings: NatsSettings) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await connect_messaging(settings, name="gateway", on_lost=lambda: None)
    assert str(caught.value) == "NATS_URL: no server let us in within 10 s"


class Impostor:
    """Listens where a server should, and keeps all that it is told."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.callers = 0
        self.heard = b""

    @asynccontextmanager
    async def at(self, port: int) -> AsyncIterator["Impostor"]:
        listening = await asyncio.start_server(self._play, LOOPBACK, port)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listening.close()
            await listening.wait_closed()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet as nats-server does, in plaintext or after a handshake, and say yes to everything."""
        self.callers += 1
        try:
            if self.context is not None:
                await writer.start_tls(self.context)
            info = {"server_id": "x", "version": "2.15.1", "proto": 1, "max_payload": 1048576, "headers": True}
            writer.write(f"INFO {json.dumps(info)}\r\n".encode())
            while data := await reader.read(65536):
                self.heard += data
                if b"PING" in data:
                    writer.write(b"PONG\r\n")
        except OSError:
            pass
        finally:
            writer.close()


def impostors_context(folder: Path, authority: Any, *names: str) -> ssl.SSLContext:
    write_pair(make_certificate(authority, datetime.now(UTC), names), folder / "server.pem", folder / "server.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


async def test_our_client_is_not_let_in_as_somebody_else_and_believes_nobody_else(nats: Nats, tmp_path: Path) -> None:
    """No seed, a seed of its own, no CA; a server of another CA; one of the right CA with another's name; one that
    speaks plaintext. Each is one line at the start, and none of them hears more than a greeting."""
    right = nats.client_settings("gateway")
    (tmp_path / "own.seed").write_text(make_seed(bytes(range(32))))
    authority = make_authority(datetime.now(UTC))
    for name in ("other", "wrong"):
        (tmp_path / name).mkdir()
    write_pair(authority, tmp_path / "ca.pem", tmp_path / "ca.key")
    of_another_ca = Impostor(impostors_context(tmp_path / "other", make_authority(datetime.now(UTC)), LOOPBACK))
    of_another_name = Impostor(impostors_context(tmp_path / "wrong", authority, "nats.example", "10.0.0.1"))
    plain = Impostor()

    def changed(**changes: str | None) -> NatsSettings:
        return right.model_copy(update=changes)

    async with of_another_ca.at(0), of_another_name.at(0), plain.at(0):
        there = {"nats_ca_file": str(tmp_path / "ca.pem")}
        await asyncio.gather(
            refuse_to_connect(changed(nats_nkey_seed_file=None)),
            refuse_to_connect(changed(nats_nkey_seed_file=str(tmp_path / "own.seed"))),
            refuse_to_connect(changed(nats_ca_file=None, nats_url=f"nats://{LOOPBACK}:{nats.port}")),
            refuse_to_connect(changed(**there)),
            refuse_to_connect(changed(nats_url=f"tls://{LOOPBACK}:{of_another_ca.port}", **there)),
            refuse_to_connect(changed(nats_url=f"tls://{LOOPBACK}:{of_another_name.port}", **there)),
            refuse_to_connect(changed(nats_url=f"tls://{LOOPBACK}:{plain.port}", **there)),
            refuse_to_connect(changed(nats_url=f"nats://{LOOPBACK}:{plain.port}", **there)),
        )
    for one in (of_another_ca, of_another_name, plain):
        assert one.callers > 0
        assert b"CONNECT" not in one.heard
    assert of_another_ca.heard == of_another_name.heard == b""


async def settled(client: Messaging, is_connected: bool) -> None:
    async with asyncio.timeout(20):
        while client.is_connected is not is_connected:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", ["plaintext", "TLS of another authority"])
async def test_who_takes_the_servers_place_hears_nothing_and_the_client_returns_to_the_real_one(
    watched_nats: Nats, tmp_path: Path, kind: str
) -> None:
    """In the middle of a session the server goes and another listens on its port, for several tries of the client.
    What is published meanwhile waits for the real one."""
    own = make_authority(datetime.now(UTC))
    impostor = Impostor(None if kind == "plaintext" else impostors_context(tmp_path, own, LOOPBACK))
    lost: list[str] = []
    settings = watched_nats.client_settings("gateway")
    messaging = await connect_messaging(settings, name="gateway", on_lost=lambda: lost.append("lost"))
    got: list[bytes] = []

    async def hear(message: Any) -> None:
        got.append(message.data)

    await messaging.client.subscribe("progress.*", cb=hear)
    await messaging.client.publish("progress.before", b"before")
    await messaging.client.flush()
    await asyncio.to_thread(watched_nats.stop)
    async with impostor.at(watched_nats.port):
        await settled(messaging, False)
        await messaging.client.publish("progress.meanwhile", SECRET)
        async with asyncio.timeout(20):
            while impostor.callers < 3:
                assert not messaging.is_connected
                await asyncio.sleep(0.02)
    messaging.reconnected.clear()
    await asyncio.to_thread(watched_nats.restart)
    await asyncio.wait_for(messaging.reconnected.wait(), 20)
    async with asyncio.timeout(10):
        while len(got) < 2:
            await asyncio.sleep(0.02)
    assert got == [b"before", SECRET]
    assert lost == []
    await messaging.close()
    for word in (SECRET, b"CONNECT", b"PUB", b"SUB", b"PING", b"nkey", b"progress", b"gateway"):
        assert word not in impostor.heard
    # All that a plaintext impostor gets to see is how a handshake begins, again and again.
    assert impostor.heard.startswith(b"\x16\x03") if kind == "plaintext" else impostor.heard == b""


async def test_a_denial_is_an_error_in_the_log_with_the_subject(nats: Nats) -> None:
    """To who publishes it looks like a timeout, to who subscribes like silence."""
    with capture_logs() as logs:
        messaging = await connect_messaging(nats.client_settings("tiktok"), name="tiktok", on_lost=lambda: None)
        await messaging.client.publish("steps.youtube", b"")
        await messaging.client.subscribe("steps.*")
        async with asyncio.timeout(10):
            while len(denied := [line for line in logs if line["event"] == "nats.denied"]) < 2:
                await asyncio.sleep(0.02)
        await messaging.client.close()
    assert denied == [
        {"event": "nats.denied", "log_level": "error", "operation": "publish", "subject": "steps.youtube"},
        {"event": "nats.denied", "log_level": "error", "operation": "subscription", "subject": "steps.*"},
    ]
