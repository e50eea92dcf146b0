"""The number that KEDA scales by, read from a real nats-server as the rendered trigger says, while messages wait.

What is asked, where and of which names comes from the manifests; what is there comes from the code that publishes and
pulls; the server runs on the shipped configuration. Only the name of the Service is led to loopback.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from nats.errors import TimeoutError as NatsTimeoutError

from common.domain.job import PlatformName
from common.domain.message import StepMessage
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.publish import publish_step
from common.messaging.topology import MAX_ACK_PENDING, MAX_DELIVER
from common.settings import NatsSettings
from local.child import wait_until
from local.keyring import Keyring
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from local.nats_cluster import NatsCluster
from migrate.stream import provision
from ship.manifest.document import Manifest
from ship.manifest.lag import Ask, ScalerError, Trigger, desired, read_lag, read_trigger

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(180)]

JOB = UUID("01a2222a-a08b-766c-98ba-8568659d27e9")
PLATFORMS = [platform.value for platform in PlatformName]
SLOTS = 64


def asks(addresses: Callable[[str], str]) -> Ask:
    """GETs a URL of the cluster; `addresses` is the resolver: from a host to what listens for it here."""

    def ask(url: str) -> Mapping[str, Any]:
        parts = urlsplit(url)
        try:
            answer = httpx.get(parts._replace(netloc=addresses(str(parts.hostname))).geturl(), **PLAIN_HTTP)
        except httpx.TransportError as error:
            raise ScalerError(str(error)) from error
        return answer.raise_for_status().json()

    return ask


def with_names(cluster: NatsCluster, ask: Ask) -> Ask:
    """On loopback the servers are told apart by their ports; in the manifests their routes name them."""
    names = {f"127.0.0.1:{member.route_port}": f"{member.name}.nats-headless:6222" for member in cluster.members}

    def ask_by_name(url: str) -> Mapping[str, Any]:
        answer = dict(ask(url))
        if "cluster" in answer and "urls" in answer["cluster"]:
            answer["cluster"] = {**answer["cluster"], "urls": [names[each] for each in answer["cluster"]["urls"]]}
        return answer

    return ask_by_name


def scaled(manifest: Manifest, platform: str) -> tuple[dict[str, Any], Trigger]:
    found = manifest.find("ScaledObject", platform)
    assert found is not None
    return found["spec"], read_trigger(found["spec"]["triggers"][0]["metadata"])


@asynccontextmanager
async def connected(settings: NatsSettings, name: str):
    messaging = await connect_messaging(settings, name=name, on_lost=print)
    yield messaging
    await messaging.close()


def publish(settings: NatsSettings, platform: str, numbers: range) -> None:
    async def work() -> None:
        async with connected(settings, "webhook") as webhook:
            for start in range(numbers.start, numbers.stop, 50):
                few = range(start, min(start + 50, numbers.stop))
                steps = [StepMessage(job_id=JOB, search_id=JOB, step=number, generation=0) for number in few]
                await asyncio.gather(*(publish_step(webhook.jetstream, platform, step) for step in steps))

    asyncio.run(work())


async def take(messaging: Messaging, platform: str, count: int) -> list[Any]:
    """Pull so many, as a worker does, one at a time."""
    subscription = await messaging.jetstream.pull_subscribe_bind(platform, stream="STEPS")
    messages = [(await subscription.fetch(1, timeout=5))[0] for _ in range(count)]
    await subscription.unsubscribe()
    return messages


@pytest.fixture
def nats() -> Iterator[Nats]:
    """A server on the shipped configuration, without streams."""
    with tempfile.TemporaryDirectory(prefix="creatorscout-") as folder:
        keyring = Keyring.open(Path(folder) / "identities")
        with Nats.start(Path(folder) / "nats", keyring=keyring) as server:
            yield server


def migrate(settings: NatsSettings, replicas: int = 1) -> None:
    async def work() -> None:
        async with connected(settings, "migrate") as messaging:
            await provision(messaging.jetstream, replicas=replicas)

    asyncio.run(work())


def at(server: Nats) -> Ask:
    return asks(lambda _: urlsplit(server.monitor_url).netloc)


def test_without_the_consumer_there_is_no_number_and_with_it_there_is_zero(nats: Nats, rendered: Manifest) -> None:
    """So `migrate` runs first: KEDA would keep a platform at its size, none, whatever waits."""
    for platform in PLATFORMS:
        _, trigger = scaled(rendered, platform)
        with pytest.raises(ScalerError):
            read_lag(trigger, at(nats))
    migrate(nats.client_settings("migrate"))
    for platform in PLATFORMS:
        spec, trigger = scaled(rendered, platform)
        assert read_lag(trigger, at(nats)) == 0
        assert desired(0, spec, trigger, current=3) == 0


@pytest.mark.parametrize("platform", PLATFORMS)
def test_pods_follow_what_waits_and_what_is_in_hand(
    nats: Nats, rendered: Manifest, platform: str, record_property: Callable[[str, object], None]
) -> None:
    migrate(nats.client_settings("migrate"))
    spec, trigger = scaled(rendered, platform)
    webhook, worker = nats.client_settings("webhook"), nats.client_settings(platform)
    seen: list[tuple[int, int]] = []

    def look() -> tuple[int, int]:
        lag = read_lag(trigger, at(nats))
        seen.append((lag, desired(lag, spec, trigger, current=0)))
        return seen[-1]

    publish(webhook, platform, range(1))
    assert look() == (1, 1)
    publish(webhook, platform, range(1, 2 * SLOTS + 30))
    assert look() == (2 * SLOTS + 30, 3)

    async def work() -> None:
        async with connected(worker, platform) as messaging:
            hand = await take(messaging, platform, 10)
            assert look() == (2 * SLOTS + 30, 3)
            for message in hand:
                await message.ack()
            await messaging.client.flush()
            assert wait_until(lambda: read_lag(trigger, at(nats)) == 2 * SLOTS + 20, 10)
            assert look() == (2 * SLOTS + 20, 3)

    asyncio.run(work())
    # Others' messages are none of this platform's.
    other = PLATFORMS[PLATFORMS.index(platform) - 1]
    publish(webhook, other, range(1000, 1005))
    assert wait_until(lambda: read_lag(scaled(rendered, other)[1], at(nats)) == 5, 10)
    assert look() == (2 * SLOTS + 20, 3)
    record_property("told", f"{platform}: (lag, pods) {seen}")


def test_more_than_the_consumer_gives_out_asks_for_no_more_pods(nats: Nats, rendered: Manifest) -> None:
    migrate(nats.client_settings("migrate"))
    spec, trigger = scaled(rendered, "tiktok")
    publish(nats.client_settings("webhook"), "tiktok", range(MAX_ACK_PENDING + 2 * SLOTS))
    lag = read_lag(trigger, at(nats))
    assert lag == MAX_ACK_PENDING + 2 * SLOTS
    assert desired(lag, spec, trigger, current=1) == spec["maxReplicaCount"] == MAX_ACK_PENDING // SLOTS


def test_what_jetstream_gave_up_keeps_no_pod(nats: Nats, rendered: Manifest) -> None:
    """It stays stored until the sweep has looked at it, and is no work for anybody."""
    migrate(nats.client_settings("migrate"))
    spec, trigger = scaled(rendered, "tiktok")
    publish(nats.client_settings("webhook"), "tiktok", range(1))

    async def work() -> None:
        async with connected(nats.client_settings("tiktok"), "tiktok") as messaging:
            for _ in range(MAX_DELIVER):
                assert read_lag(trigger, at(nats)) == 1
                (message,) = await take(messaging, "tiktok", 1)
                await message.nak()
                await messaging.client.flush()
            subscription = await messaging.jetstream.pull_subscribe_bind("tiktok", stream="STEPS")
            with pytest.raises(NatsTimeoutError):
                await subscription.fetch(1, timeout=1)
            await subscription.unsubscribe()

    asyncio.run(work())
    lag = read_lag(trigger, at(nats))
    assert desired(lag, spec, trigger, current=1) == 0
    stored = httpx.get(f"{nats.monitor_url}/jsz?acc=STREAMS&streams=true", **PLAIN_HTTP).json()
    streams = stored["account_details"][0]["stream_detail"]
    assert {each["name"]: each["state"]["messages"] for each in streams}["STEPS"] == 1


def test_a_pod_that_died_with_steps_in_hand_is_replaced(nats: Nats, rendered: Manifest) -> None:
    """What it held is still lag, though nothing waits: KEDA keeps one pod, or starts it."""
    migrate(nats.client_settings("migrate"))
    spec, trigger = scaled(rendered, "youtube")
    publish(nats.client_settings("webhook"), "youtube", range(1))

    async def work() -> None:
        async with connected(nats.client_settings("youtube"), "youtube") as messaging:
            await take(messaging, "youtube", 1)

    asyncio.run(work())
    lag = read_lag(trigger, at(nats))
    assert (lag, desired(lag, spec, trigger, current=1)) == (1, 1)


@pytest.mark.parametrize(
    ("lag", "current", "pods"),
    [(0, 0, 0), (0, 5, 0), (1, 0, 1), (64, 1, 1), (65, 0, 1), (70, 1, 1), (71, 1, 2), (128, 2, 2), (129, 1, 3)],
)
def test_the_arithmetic(rendered: Manifest, lag: int, current: int, pods: int) -> None:
    """A tenth more or less than a pod's worth for each changes nothing."""
    spec, trigger = scaled(rendered, "tiktok")
    assert desired(lag, spec, trigger, current) == pods


def test_in_a_cluster_the_one_that_leads_is_asked(rendered: Manifest, tmp_path: Path) -> None:
    """Whichever server the headless name leads to. With the leader gone there is no number, and then there is again."""
    _, trigger = scaled(rendered, "tiktok")
    keyring = Keyring.open(tmp_path / "identities")
    with NatsCluster.start(tmp_path / "nats", keyring) as cluster:
        migrate(cluster.client_settings("migrate", cluster.members[0]), replicas=3)
        publish(cluster.client_settings("webhook", cluster.members[1]), "tiktok", range(70))
        by_name = {member.name: urlsplit(member.monitor_url).netloc for member in cluster.members}

        def through(first: str) -> Ask:
            return with_names(cluster, asks(lambda host: by_name.get(host.partition(".")[0], first)))

        for first in by_name.values():
            assert wait_until(lambda first=first: read_lag(trigger, through(first)) == 70, 20)
        told = asks(lambda _: by_name["nats-0"])(trigger.url())
        (consumer,) = (
            each
            for stream in told["account_details"][0]["stream_detail"]
            for each in stream.get("consumer_detail", [])
            if each["name"] == "tiktok"
        )
        lost = next(member for member in cluster.members if member.name == consumer["cluster"]["leader"])
        lost.kill()
        left = [member for member in cluster.members if member is not lost]
        numbers = iter(range(1000))

        def read() -> int | None:
            """As KEDA at each of its intervals: the headless name leads to one that lives, sometimes to this one."""
            first = by_name[left[next(numbers) % len(left)].name]
            try:
                return read_lag(trigger, through(first))
            except ScalerError:
                return None

        assert wait_until(lambda: read() == 70, 60)
