"""Three nats-servers on the shipped configuration: what is stored outlives the one that leads, each identity may do
what it may at one server, and nobody joins who is not given the password and a certificate."""

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from common.domain.message import StepMessage
from common.messaging.connection import connect_messaging
from common.messaging.publish import StreamUnavailableError, publish_step
from common.messaging.pull import StepPuller
from common.messaging.topology import IDENTITIES, STEPS
from local.child import wait_until
from local.keyring import Keyring, make_authority, make_certificate, write_pair
from local.loopback import PLAIN_HTTP
from local.nats_cluster import CLUSTER, Member, NatsCluster
from local.nats_wire import Wire, greet
from local.port import LOOPBACK
from migrate.stream import provision

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]

JOB = UUID("01a2222a-a08b-766c-98ba-8568659d27e9")
FEW = 20


def step(number: int) -> StepMessage:
    return StepMessage(job_id=JOB, search_id=JOB, step=number, generation=0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[NatsCluster]:
    """Three servers with our streams on all of them."""
    with tempfile.TemporaryDirectory(prefix="creatorscout-") as folder:
        keyring = Keyring.open(Path(folder) / "identities")
        with NatsCluster.start(Path(folder) / "nats", keyring) as running:
            asyncio.run(migrate(running))
            yield running


async def migrate(cluster: NatsCluster) -> None:
    settings = cluster.client_settings("migrate", cluster.members[0])
    messaging = await connect_messaging(settings, name="migrate", on_lost=lambda: None)
    for _ in range(2):
        await provision(messaging.jetstream, replicas=3)
    await messaging.close()


def told(member: Member, path: str) -> dict[str, Any]:
    return httpx.get(f"{member.monitor_url}/{path}", **PLAIN_HTTP).raise_for_status().json()


def stream(member: Member) -> dict[str, Any]:
    (account,) = told(member, "jsz?acc=STREAMS&streams=true&consumers=true&config=true")["account_details"]
    return next(each for each in account["stream_detail"] if each["name"] == STEPS)


def leader(cluster: NatsCluster) -> Member:
    members = {member.name: member for member in cluster.members}
    running = next(member for member in cluster.members if member.is_running)
    return members[stream(running)["cluster"]["leader"]]


async def store(cluster: NatsCluster, member: Member, numbers: range) -> int:
    """Publish as the webhook does, each again until it is stored; how often that was refused."""
    messaging = await connect_messaging(cluster.client_settings("webhook", member), name="webhook", on_lost=print)
    refused = 0
    for number in numbers:
        while True:
            try:
                await publish_step(messaging.jetstream, "tiktok", step(number))
            except StreamUnavailableError:
                refused += 1  # the webhook answers 503, and QStash comes again
            else:
                break
    await messaging.close()
    return refused


def test_every_stream_is_kept_by_all_three(cluster: NatsCluster) -> None:
    for member in cluster.members:
        found = stream(member)
        assert found["config"]["num_replicas"] == 3
        assert len(found["cluster"]["replicas"]) == 2


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_is_no_more_in_a_cluster(cluster: NatsCluster, name: str) -> None:
    """At every server the streams' management is for migrate alone; a stranger is nobody."""
    for member in cluster.members:
        seed = cluster.keyring.seed_file(name)
        wire = Wire(greet(member.port, cluster.keyring.ca_file))
        wire.sign_on(seed)
        wire.publish("$JS.API.STREAM.DELETE.STEPS", b"", f"_INBOX_{name}.x")
        wire.settle()
        assert [line for line in wire.errors if line.lower().startswith("permissions violation")], name
        wire.close()
        assert stream(member)["name"] == STEPS


async def test_hints_and_steps_cross_servers(cluster: NatsCluster) -> None:
    first, second, third = cluster.members
    gateway = await connect_messaging(cluster.client_settings("gateway", first), name="gateway", on_lost=print)
    heard = asyncio.Event()

    async def hear(_: Any) -> None:
        heard.set()

    await gateway.client.subscribe("progress.*", cb=hear)
    await gateway.client.flush()
    assert await store(cluster, second, range(1)) == 0
    worker = await connect_messaging(cluster.client_settings("tiktok", third), name="tiktok", on_lost=print)
    puller = StepPuller(worker, "tiktok")
    await puller.open()
    message = await puller.next(asyncio.Event())
    assert message is not None
    assert StepMessage.model_validate_json(message.data) == step(0)
    await message.ack()
    async with asyncio.timeout(20):
        while not heard.is_set():
            await worker.client.publish("progress.x", b"")
            await worker.client.flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), 0.2)
    await puller.close()
    for messaging in (worker, gateway):
        await messaging.close()


def test_clients_are_not_told_of_addresses_that_no_certificate_names(cluster: NatsCluster) -> None:
    for member in cluster.members:
        assert "connect_urls" not in told(member, "varz")
        with greet(member.port, cluster.keyring.ca_file) as connection:
            assert b"connect_urls" not in connection.recv(4096)


def test_who_leads_is_killed_and_nothing_is_lost(cluster: NatsCluster, record_property: Any) -> None:
    """The two that are left go on without being asked; the third finds what it missed when it is back."""
    lost = leader(cluster)
    other = next(member for member in cluster.members if member is not lost)
    before = stream(other)["state"]["messages"]
    asyncio.run(store(cluster, other, range(100, 100 + FEW)))
    lost.kill()
    since = time.monotonic()
    refused = asyncio.run(store(cluster, other, range(200, 200 + FEW)))
    seconds = time.monotonic() - since
    line = f"a leader of three nats-servers killed: {FEW} steps stored within {seconds:.1f} s, {refused} refused first"
    record_property("told", line)
    assert leader(cluster) is not lost
    assert wait_until(lambda: stream(leader(cluster))["state"]["messages"] == before + 2 * FEW, 30)
    lost.start(cluster.environment(lost))
    cluster.await_ready()
    assert wait_until(lambda: stream(lost)["state"]["messages"] == before + 2 * FEW, 30)


@pytest.mark.parametrize("lie", ["password", "certificate", "other use"])
def test_nobody_joins_without_password_and_certificate(cluster: NatsCluster, tmp_path: Path, lie: str) -> None:
    """A server inside is believed in whatever it says: so it must not come in."""
    stranger = Member("stranger", tmp_path)
    given = {**cluster.environment(stranger), "NATS_STORE_DIR": json.dumps(str(tmp_path / "store"))}
    if lie == "password":
        given["NATS_ROUTES"] = given["NATS_ROUTES"].replace(cluster.password, "guessed")
        given["NATS_ROUTE_PASSWORD"] = '"guessed"'
    elif lie == "certificate":
        authority = make_authority(datetime.now(UTC))
        pair = make_certificate(authority, datetime.now(UTC), (LOOPBACK,), is_client=True)
        write_pair(pair, tmp_path / "own.pem", tmp_path / "own.key")
        given["NATS_ROUTE_CERT_FILE"] = json.dumps(str(tmp_path / "own.pem"))
        given["NATS_ROUTE_KEY_FILE"] = json.dumps(str(tmp_path / "own.key"))
    else:
        # The certificate that clients see is none for servers.
        given["NATS_ROUTE_CERT_FILE"] = given["NATS_CERT_FILE"]
        given["NATS_ROUTE_KEY_FILE"] = given["NATS_KEY_FILE"]
    stranger.start(given)
    try:
        log = tmp_path / "stranger.log"
        tried = re.compile(r"Route.*(?:connection closed|TLS handshake error)")
        assert wait_until(lambda: log.exists() and len(tried.findall(log.read_text())) > 3, 30), log.read_text()
        for member in cluster.members:
            names = {route["remote_name"] for route in told(member, "routez")["routes"]}
            assert names == {each.name for each in cluster.members if each is not member}
    finally:
        stranger.kill()


@pytest.mark.parametrize(
    "name",
    [
        "NATS_CLUSTER_LISTEN",
        "NATS_ROUTES",
        "NATS_ROUTE_PASSWORD",
        "NATS_ROUTE_CERT_FILE",
        "NATS_ROUTE_CA_FILE",
        "NATS_NKEY_TIKTOK",
    ],
)
def test_a_server_that_was_not_told_everything_does_not_start(cluster: NatsCluster, tmp_path: Path, name: str) -> None:
    member = Member("new", tmp_path)
    given = {**cluster.environment(member), "NATS_STORE_DIR": json.dumps(str(tmp_path / "store"))}
    del given[name]
    child = member.start(given)
    try:
        assert child.await_exit(10), "it runs"
        assert child.exit_code == 1
    finally:
        child.kill()


def test_the_cluster_includes_the_one_file_and_opens_one_door_more() -> None:
    code = re.sub(r"#.*", "", CLUSTER.read_text())
    assert code.split()[:2] == ["include", "nats-server.conf"]
    assert re.findall(r"^(\w+) \{", code, re.MULTILINE) == ["cluster"]
    assert "verify: true" in code
