"""The peers: a table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Engine(StrEnum):
    """What keeps a peer's state."""

    NATS = "nats"
    REDIS = "redis"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Peer:
    """`is_restarted`: after the kill the same one is started again at once, besides the one that stands by."""

    name: str
    package: str
    engine: Engine
    script: str
    is_restarted: bool = False
    has_rate: bool = True


DURABILITY: Final = {
    Engine.NATS: "nats-server, synced before each acknowledgement",
    Engine.REDIS: "Redis, append-only file synced every second",
    Engine.POSTGRES: "Postgres, synced at each commit",
}

PEERS: Final = (
    Peer("taskiq", "taskiq-nats", Engine.NATS, "taskiq_app.py"),
    Peer("faststream", "FastStream", Engine.NATS, "faststream_app.py"),
    Peer("celery", "Celery", Engine.REDIS, "celery_app.py"),
    Peer("procrastinate", "Procrastinate", Engine.POSTGRES, "procrastinate_app.py"),
    Peer("dbos", "DBOS", Engine.POSTGRES, "dbos_app.py"),
    Peer("dbos-same", "DBOS, same executor", Engine.POSTGRES, "dbos_app.py", is_restarted=True, has_rate=False),
)
