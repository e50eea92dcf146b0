"""nats-server on the shipped configuration: what each identity may say and hear, and what it cannot reach by a detour.

Each subject is tried by hand, line by line, so that every single denial is seen.
"""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from common.domain.message import StepMessage
from common.messaging.connection import connect_messaging
from common.messaging.lag import queue_lag
from common.messaging.publish import publish_step
from common.messaging.pull import StepPuller
from common.messaging.topology import ADVISORIES, IDENTITIES, STEPS, SWEEP, consumers
from local.keyring import TESTER
from local.nats import SHIPPED, Nats
from local.nats_wire import Wire

from .nats_subject import (
    API,
    HEARS,
    JOB,
    PLATFORM_NAMES,
    PUBLISHES,
    WILDCARDS,
    fits,
    subjects,
    words_of_api,
)

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

Record = Callable[[str, object], None]
PULL = b'{"batch":1,"no_wait":true}'
SERVER_PROGRAM = Path(__file__).parents[2] / ".venv" / "bin" / "nats-server"


def step(number: int = 0) -> StepMessage:
    return StepMessage(job_id=UUID(JOB), search_id=UUID(JOB), step=number, generation=0)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.02)


def test_the_server_of_these_tests_runs_on_the_shipped_file(nats: Nats) -> None:
    assert f"-c\0{SHIPPED}\0".encode() in Path(f"/proc/{nats.pid}/cmdline").read_bytes()


async def test_each_service_can_do_what_it_does(nats: Nats) -> None:
    """The calls of the code itself: storing, looking, taking, acknowledging, giving up, sweeping, hinting."""
    links = {name: await connect_messaging(nats.client_settings(name), name=name, on_lost=print) for name in IDENTITIES}
    hints: list[str] = []

    async def hear(message: Any) -> None:
        hints.append(message.subject)

    await links["gateway"].client.subscribe("progress.*", cb=hear)
    await links["gateway"].client.publish("progress.gateway", b"")
    await until(lambda: len(hints) == 1)
    webhook = links["webhook"].jetstream
    for number, platform in enumerate(PLATFORM_NAMES):
        sequence = await publish_step(webhook, platform, step(number))
        assert StepMessage.model_validate_json((await webhook.get_msg(STEPS, sequence)).data or b"") == step(number)
        assert await queue_lag(webhook, platform) == (1, 0)
        puller = StepPuller(links[platform], platform)
        await puller.open()
        for answer in ("nak", "term"):
            message = await puller.next(asyncio.Event())
            assert message is not None
            assert StepMessage.model_validate_json(message.data) == step(number)
            await message.in_progress()
            assert await queue_lag(webhook, platform) == (0, 1)
            await getattr(message, answer)()
        await puller.close()
        await links[platform].client.publish(f"progress.{platform}", b"")
    subscription = await webhook.pull_subscribe_bind(SWEEP, stream=ADVISORIES)
    for _ in PLATFORM_NAMES:
        [advisory] = await subscription.fetch(1, timeout=5)
        await advisory.ack()
    assert await webhook.delete_msg(STEPS, await publish_step(webhook, "tiktok", step(9)))
    await links["webhook"].client.publish("progress.webhook", b"")
    await until(lambda: len(hints) == 5)
    for link in links.values():
        await link.close()
    assert sorted(hints) == sorted(f"progress.{name}" for name in (*PLATFORM_NAMES, "gateway", "webhook"))


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_can_say_and_hear_nothing_else(name: str, nats: Nats, record_property: Record) -> None:
    """Every subject of JetStream with every stream and consumer, and every other one that there is, each said and each
    listened to: the server refuses it, by its name, right then."""
    denied = 0
    with Wire.open(nats, name) as wire:
        for subject in subjects():
            if not fits(subject, PUBLISHES[name]):
                wire.publish(subject, b"{}")
                wire.settle()
                assert wire.drain_errors() == [f'Permissions Violation for Publish to "{subject}"'], subject
                denied += 1
        for number, subject in enumerate([*subjects(), *WILDCARDS]):
            if not fits(subject, HEARS[name]):
                for queue in ("", "workers "):
                    wire.send(f"SUB {subject} {queue}{number}")
                    wire.settle()
                    [told] = wire.drain_errors()
                    assert told.startswith(f'Permissions Violation for Subscription to "{subject}"'), subject
                denied += 1
        assert wire.messages == []
    record_property("told", f"NATS: {name} was denied {denied} subjects")


@pytest.mark.parametrize("name", IDENTITIES)
def test_what_an_identity_may_say_and_hear_is_among_what_is_tried(name: str) -> None:
    """Else what is granted could be wider than what was looked at."""
    for pattern in PUBLISHES[name]:
        assert any(fits(subject, [pattern]) for subject in subjects()), pattern
    for pattern in HEARS[name]:
        assert any(fits(subject, [pattern]) for subject in [*subjects(), *WILDCARDS]), pattern


def test_the_list_of_subjects_knows_the_servers_whole_interface() -> None:
    """A new server that serves more is noticed here."""
    known = {re.sub(r"[.](\$G|[{]).*", "", one.removeprefix("$JS.API.")) for one in API}
    served = words_of_api(SERVER_PROGRAM.read_bytes())
    assert len(served) > 25
    assert served - known == set()


def holdings(nats: Nats) -> dict[str, Any]:
    """The streams and consumers with their configuration and birth, and what is stored and waits in each."""
    found: dict[str, Any] = {}
    with Wire.open(nats, TESTER) as wire:
        names = wire.ask("$JS.API.STREAM.NAMES", inbox="_INBOX_tests")["streams"]
        for stream in names:
            info = wire.ask(f"$JS.API.STREAM.INFO.{stream}", {"subjects_filter": ">"}, inbox="_INBOX_tests")
            found[stream] = (info["config"], info["created"], info["state"].get("subjects"), info["state"]["messages"])
            for consumer in wire.ask(f"$JS.API.CONSUMER.LIST.{stream}", inbox="_INBOX_tests")["consumers"]:
                found[f"{stream}.{consumer['name']}"] = (consumer["config"], consumer["created"])
    return found


def store(nats: Nats, *platforms: str) -> None:
    with Wire.open(nats, "webhook") as wire:
        for platform in platforms:
            wire.ask(f"steps.{platform}", b"{}", inbox="_INBOX_webhook")


@pytest.mark.parametrize("name", [name for name in IDENTITIES if name != "migrate"])
def test_no_request_can_have_its_answer_sent_where_one_may_not_publish(
    name: str, watched_nats: Nats, record_property: Record
) -> None:
    """The server answers to any subject that a request names, and within an account it asks nobody: a pull with the
    reply `$JS.API.STREAM.DELETE.STEPS` would delete the stream, one with `steps.youtube` would be a step there. The
    answers are empty, a step, an error, an acknowledgement; every subject is tried as a reply to each."""
    store(watched_nats, *PLATFORM_NAMES)
    before = holdings(watched_nats)
    asked = [
        pattern.removesuffix(">") + "1.1.1.1.0" if pattern.endswith(">") else pattern for pattern in PUBLISHES[name]
    ]
    asked = [subject.replace("progress.*", f"progress.{JOB}") for subject in asked]
    forbidden = [subject for subject in subjects() if not fits(subject, PUBLISHES[name])]
    bodies = {
        "steps": [b"{}"],
        "MSG": [PULL, b"garbage"],
        "GET": [b'{"seq":1}', b"{}"],
        "ACK": [b"+NXT", b"-NAK", b"+WPI"],
    }
    tried = 0
    with Wire.open(watched_nats, name) as wire:
        for subject in asked:
            if subject.endswith("DELETE.STEPS") or subject == "stored.delete":
                continue  # it may delete a step: the request itself is the harm, whatever its reply
            kind = next((kind for kind in bodies if kind in subject), "")
            for body in bodies.get(kind, [b""]):
                for reply in forbidden:
                    wire.publish(subject, body, reply)
                    tried += 1
        wire.settle()
        # Some are refused outright: what looks like an acknowledgement or an answer between accounts.
        assert {told.split('"')[0] for told in wire.drain_errors()} <= {
            "Permissions Violation for Publish with Reply of "
        }
    after = holdings(watched_nats)
    assert (
        after.keys() == before.keys() == {STEPS, ADVISORIES, *(f"{stream}.{one.name}" for stream, one in consumers())}
    )
    for key, was in before.items():
        assert after[key][:2] == was[:2], key
    others = {f"steps.{platform}" for platform in PLATFORM_NAMES} - {f"steps.{name}"}
    if name != "webhook":  # which stores steps by right
        assert {subject: after[STEPS][2][subject] for subject in others} == dict.fromkeys(others, 1)
        assert after[ADVISORIES][3] == before[ADVISORIES][3] == 0
    record_property("told", f"NATS: {name} had no answer of {tried} sent where it may not publish")


def test_an_acknowledgement_of_anothers_step_is_none(watched_nats: Nats) -> None:
    """Nor one of a step of one's own platform that was not delivered: a worker cannot make work vanish by counting."""
    store(watched_nats, *PLATFORM_NAMES)
    before = holdings(watched_nats)
    with Wire.open(watched_nats, "tiktok") as wire:
        for sequence in range(1, before[STEPS][3] + 2000):
            for verb in (b"+ACK", b"+TERM"):
                wire.publish(f"$JS.ACK.STEPS.tiktok.1.{sequence}.{sequence}.1795869503220029414.0", verb)
        wire.settle()
        assert wire.drain_errors() == []
    after = holdings(watched_nats)
    assert after[STEPS][2]["steps.youtube"] == before[STEPS][2]["steps.youtube"]
    assert after[STEPS][2]["steps.instagram"] == before[STEPS][2]["steps.instagram"]
    assert after[STEPS][2]["steps.tiktok"] == before[STEPS][2]["steps.tiktok"]


def test_migrate_cannot_make_a_consumer_that_reads_something_else(watched_nats: Nats) -> None:
    """The subject by which it asks names the consumer and what that reads, and the server compares both with the
    request's body."""
    before = holdings(watched_nats)
    orders = [
        ("STEPS.tiktok.steps.tiktok", {"name": "tiktok", "durable_name": "tiktok", "filter_subject": "steps.*"}),
        ("STEPS.tiktok.steps.tiktok", {"name": "spy", "durable_name": "spy", "filter_subject": "steps.tiktok"}),
        ("STEPS.tiktok.steps.tiktok", {"name": "tiktok", "filter_subjects": ["steps.tiktok", "steps.youtube"]}),
    ]
    with Wire.open(watched_nats, "migrate") as wire:
        for subject, config in orders:
            order = {"stream_name": subject.split(".")[0], "config": {"ack_policy": "explicit", **config}}
            answer = wire.ask(f"$JS.API.CONSUMER.CREATE.{subject}", order, inbox="_INBOX_migrate")
            assert "error" in answer, config
    assert holdings(watched_nats) == before


def test_hints_reach_the_gateway_and_no_one_else_and_steps_reach_only_their_platform(nats: Nats) -> None:
    with Wire.open(nats, "webhook") as webhook:
        webhook.ask("steps.youtube", json.dumps({"mark": 1}).encode(), inbox="_INBOX_webhook")
    with Wire.open(nats, "tiktok") as tiktok:
        tiktok.send("SUB _INBOX_tiktok.> 1")
        tiktok.publish("$JS.API.CONSUMER.MSG.NEXT.STEPS.tiktok", PULL, "_INBOX_tiktok.x")
        while not tiktok.messages:
            tiktok.settle()
        assert tiktok.messages[0].startswith(b"NATS/1.0 404 No Messages")
    with Wire.open(nats, "youtube") as youtube:
        assert youtube.ask("$JS.API.CONSUMER.MSG.NEXT.STEPS.youtube", PULL, inbox="_INBOX_youtube") == {"mark": 1}
