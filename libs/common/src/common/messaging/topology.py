"""JetStream's streams and consumers, described once: `migrate` makes them, services only use them.

The reasons for each number are in docs/architecture.md, "Messages".
"""

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from common.domain.job import PlatformName

STEPS = "STEPS"
ADVISORIES = "ADVISORIES"
SWEEP = "sweep"

# A killed worker's step is delivered elsewhere after this; longer than a living one may fail to tell that it lives: a
# heartbeat, the longest wait for a connection to Postgres, and another try.
ACK_WAIT_S = 15
HEARTBEAT_S = 3
HEARTBEAT_AGAIN_S = 1  # after one that did not get through
MAX_DELIVER = 50  # a backstop: attempts are counted in Postgres
MAX_ACK_PENDING = 1024  # steps in flight for one platform over all its replicas
DUPLICATE_WINDOW_S = 600  # the same (search, step, generation) twice within this is stored once

# Who may connect: each has an nkey of its own, and in deploy/nats/nats-server.conf what it may say and hear.
IDENTITIES = ("gateway", "webhook", *(platform.value for platform in PlatformName), "migrate")

STREAMS = (
    StreamConfig(
        name=STEPS,
        subjects=["steps.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        discard_new_per_subject=True,
        max_msgs_per_subject=200_000,
        max_bytes=1024**3,
        max_msg_size=65_536,
        max_age=72 * 3600,
        duplicate_window=DUPLICATE_WINDOW_S,
    ),
    StreamConfig(
        name=ADVISORIES,
        subjects=[
            f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{STEPS}.*",
            f"$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{STEPS}.*",
        ],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        max_bytes=64 * 1024**2,
        max_age=7 * 86_400,
    ),
)


def step_subject(platform: str) -> str:
    return f"steps.{platform}"


def progress_subject(job_id: object) -> str:
    return f"progress.{job_id}"


def message_id(search_id: object, step: int, generation: int) -> str:
    """The Nats-Msg-Id: publishing the same step at the same generation twice stores it once."""
    return f"{search_id}:{step}:{generation}"


def consumers() -> list[tuple[str, ConsumerConfig]]:
    """(stream, consumer): one durable pull consumer for each platform, one for the sweep.

    Each has its `name` too: then the client asks for it by a subject that names it and what it reads, and the server's
    configuration can allow just these.
    """
    platforms = [
        ConsumerConfig(
            name=platform.value,
            durable_name=platform.value,
            filter_subject=step_subject(platform),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=MAX_DELIVER,
            max_ack_pending=MAX_ACK_PENDING,
            max_waiting=512,
        )
        for platform in PlatformName
    ]
    sweep = ConsumerConfig(name=SWEEP, durable_name=SWEEP, ack_policy=AckPolicy.EXPLICIT, ack_wait=30, max_deliver=10)
    return [*((STEPS, consumer) for consumer in platforms), (ADVISORIES, sweep)]
