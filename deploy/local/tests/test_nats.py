"""The embedded nats-server: JetStream on disk, kept over kills."""

import subprocess
import sys
from pathlib import Path

import httpx
import nats
import pytest
from nats.errors import MaxPayloadError
from nats.js.api import RetentionPolicy, StreamConfig

from local.child import ProcessError, start_ticks, wait_until
from local.nats import Nats

pytestmark = pytest.mark.server


async def test_a_message_survives_a_kill_and_a_restart(folder: Path) -> None:
    """What JetStream acknowledged is there after kill -9, on the same URL."""
    with Nats.start(folder) as server:
        url = server.url
        client = await nats.connect(url)
        stream = client.jetstream()
        await stream.add_stream(StreamConfig(name="KEPT", subjects=["kept.*"], retention=RetentionPolicy.WORK_QUEUE))
        await stream.publish("kept.one", b"precious")
        await client.close()
        server.kill()
        server.restart()
        assert server.url == url
        client = await nats.connect(server.url)
        subscription = await client.jetstream().pull_subscribe("kept.one", durable="reader")
        [message] = await subscription.fetch(1, timeout=5)
        assert message.data == b"precious"
        await message.ack_sync()
        await client.close()


async def test_a_message_survives_a_stop_and_a_new_start(folder: Path) -> None:
    with Nats.start(folder) as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name="KEPT", subjects=["kept.*"])
        await client.jetstream().publish("kept.one", b"precious")
        await client.close()
    assert server.child.exit_code == 0
    with Nats.start(folder, port=server.port) as server:
        client = await nats.connect(server.url)
        assert (await client.jetstream().get_msg("KEPT", 1)).data == b"precious"
        await client.close()


def test_every_message_is_synced_unless_told_otherwise(folder: Path) -> None:
    with Nats.start(folder) as server:
        options = httpx.get(f"{server.monitor_url}/varz").json()
        assert options["jetstream"]["config"]["sync_always"] is True
        assert options["max_payload"] == 1024 * 1024
        assert options["host"] == "127.0.0.1"
    with Nats.start(folder, durable=False) as server:
        assert "sync_always" not in httpx.get(f"{server.monitor_url}/varz").json()["jetstream"]["config"]


async def test_a_message_over_one_megabyte_is_refused(nats_server: Nats) -> None:
    client = await nats.connect(nats_server.url)
    with pytest.raises(MaxPayloadError):
        await client.publish("big", b"x" * (1024 * 1024 + 1))
    await client.close()


def test_a_start_that_fails_says_why_with_the_servers_own_words(folder: Path) -> None:
    with Nats.start(folder / "one") as server, pytest.raises(ProcessError, match="address already in use"):
        Nats.start(folder / "two", port=server.port)


def test_it_ends_when_its_starter_is_killed(folder: Path) -> None:
    """SIGKILL of the process that started it leaves no nats-server behind."""
    script = "import sys; from pathlib import Path; from local.nats import Nats\n"
    script += "server = Nats.start(Path(sys.argv[1])); print(server.pid, flush=True); sys.stdin.read()"
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    assert wait_until(lambda: start_ticks(pid) is None, 10)
