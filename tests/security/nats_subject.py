"""Every subject that somebody could want to abuse at NATS, and what each identity needs: written down here a second
time, from what the services do."""

import re
from collections.abc import Iterator

from common.messaging.topology import IDENTITIES, SWEEP

STREAM_NAMES = ("STEPS", "ADVISORIES", "OTHER")
CONSUMER_NAMES = ("tiktok", "instagram", "youtube", SWEEP, "other")
PLATFORM_NAMES = ("tiktok", "instagram", "youtube")
JOB = "01a2222a-a08b-766c-98ba-8568659d27e9"
ACK = "1.1.1.1795869503220029414.0"

# {s} is a stream, {c} a consumer.
API = (
    "$JS.API.INFO",
    "$JS.API.ACCOUNT.PURGE.$G",
    "$JS.API.ACCOUNT.STREAM.MOVE.$G.{s}",
    "$JS.API.ACCOUNT.STREAM.CANCEL_MOVE.$G.{s}",
    "$JS.API.CONSUMER.CREATE.{s}",
    "$JS.API.CONSUMER.CREATE.{s}.{c}",
    "$JS.API.CONSUMER.CREATE.{s}.{c}.steps.tiktok",
    "$JS.API.CONSUMER.CREATE.{s}.{c}.steps.instagram",
    "$JS.API.CONSUMER.CREATE.{s}.{c}.steps.youtube",
    "$JS.API.CONSUMER.CREATE.{s}.{c}.steps.*",
    "$JS.API.CONSUMER.CREATE.{s}.{c}.>",
    "$JS.API.CONSUMER.DELETE.{s}.{c}",
    "$JS.API.CONSUMER.DURABLE.CREATE.{s}.{c}",
    "$JS.API.CONSUMER.INFO.{s}.{c}",
    "$JS.API.CONSUMER.LEADER.STEPDOWN.{s}.{c}",
    "$JS.API.CONSUMER.LIST.{s}",
    "$JS.API.CONSUMER.MSG.NEXT.{s}.{c}",
    "$JS.API.CONSUMER.NAMES.{s}",
    "$JS.API.CONSUMER.PAUSE.{s}.{c}",
    "$JS.API.CONSUMER.PEER.EVACUATE.{s}.{c}",
    "$JS.API.CONSUMER.PEER.REMOVE.{s}.{c}",
    "$JS.API.CONSUMER.RESET.{s}.{c}",
    "$JS.API.CONSUMER.UNPIN.{s}.{c}",
    "$JS.API.DIRECT.GET",
    "$JS.API.DIRECT.GET.{s}",
    "$JS.API.DIRECT.GET.{s}.steps.tiktok",
    "$JS.API.META.LEADER.STEPDOWN",
    "$JS.API.META.RESCUE",
    "$JS.API.SERVER.EVACUATE",
    "$JS.API.SERVER.REMOVE",
    "$JS.API.STREAM.CANCEL_MOVE.{s}",
    "$JS.API.STREAM.CREATE.{s}",
    "$JS.API.STREAM.DELETE.{s}",
    "$JS.API.STREAM.INFO.{s}",
    "$JS.API.STREAM.LEADER.STEPDOWN.{s}",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.MSG.DELETE.{s}",
    "$JS.API.STREAM.MSG.GET.{s}",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.PEER.EVACUATE.{s}",
    "$JS.API.STREAM.PEER.REMOVE.{s}",
    "$JS.API.STREAM.PURGE.{s}",
    "$JS.API.STREAM.RESTORE.{s}",
    "$JS.API.STREAM.SNAPSHOT.{s}",
    "$JS.API.STREAM.UPDATE.{s}",
)
OF_JETSTREAM = (
    f"$JS.ACK.{{s}}.{{c}}.{ACK}",
    f"$JS.ACK._.hash.{{s}}.{{c}}.{ACK}.token",
    "$JS.FC.{s}.{c}.x",
    "$JS.SNAPSHOT.ACK.{s}.x",
    "$JS.SNAPSHOT.RESTORE.{s}.x",
    "$JS.domain.API.STREAM.DELETE.{s}",
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{s}.{c}",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.{s}.{c}",
    "$JS.EVENT.ADVISORY.STREAM.DELETED.{s}",
    "$JSC.CI.x.{s}.{c}",
    "$KV.{s}.x",
    "$O.{s}.C.x",
)
OTHERS = (
    *(f"steps.{name}" for name in (*PLATFORM_NAMES, "other", "a.b")),
    "steps",
    f"progress.{JOB}",
    "progress",
    f"progress.{JOB}.more",
    *(f"_INBOX_{name}.x.y" for name in (*IDENTITIES, "other")),
    "_INBOX.x.y",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$SYS.REQ.SERVER.x.RELOAD",
    "$SYS.REQ.SERVER.x.KICK",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SYS.REQ.ACCOUNT.$G.CONNZ",
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.USER.INFO",
    "$SYS.ACCOUNT.$G.CONNECT",
    "$NRG.V.x",
    "$G.x",
    "stored.get",
    "stored.delete",
    "stored.purge",
    *(f"lag.{name}" for name in (*PLATFORM_NAMES, SWEEP)),
    "_R_.x.y",
    "jobs.tiktok",
    "anything",
    "anything.at.all",
)
WILDCARDS = (
    ">",
    "*",
    "*.*",
    "steps.*",
    "steps.>",
    "*.tiktok",
    "progress.*",
    "progress.>",
    "_INBOX.>",
    "_INBOX.*",
    *(f"_INBOX_{name}.>" for name in (*IDENTITIES, "other")),
    "*.>",
    "*.x.y",
    "$JS.>",
    "$JS.API.>",
    "$JS.API.CONSUMER.MSG.NEXT.STEPS.>",
    "$JS.ACK.>",
    "$JS.*.STEPS.>",
    "$JS.EVENT.>",
    "$JS.EVENT.ADVISORY.>",
    "$JSC.>",
    "_R_.>",
    "stored.*",
    "$SYS.>",
    "$SYS.REQ.>",
    "$SYS.ACCOUNT.>",
    "$KV.>",
    "$O.>",
)

_HINTS = ["progress.*"]
PUBLISHES = {
    "gateway": _HINTS,
    "webhook": [
        *(f"steps.{name}" for name in PLATFORM_NAMES),
        *_HINTS,
        "$JS.API.STREAM.MSG.GET.STEPS",
        "$JS.API.STREAM.MSG.DELETE.STEPS",
        "stored.get",  # these two, and below the lags, as they are called on their way
        "stored.delete",
        *(f"$JS.API.CONSUMER.INFO.STEPS.{name}" for name in PLATFORM_NAMES),
        *(f"lag.{name}" for name in PLATFORM_NAMES),
        "$JS.API.CONSUMER.MSG.NEXT.ADVISORIES.sweep",
        "$JS.ACK.ADVISORIES.sweep.>",
    ],
    **{
        name: [f"$JS.API.CONSUMER.MSG.NEXT.STEPS.{name}", f"$JS.ACK.STEPS.{name}.>", *_HINTS] for name in PLATFORM_NAMES
    },
    "migrate": [
        *(f"$JS.API.STREAM.{verb}.{name}" for verb in ("CREATE", "UPDATE") for name in ("STEPS", "ADVISORIES")),
        *(f"$JS.API.CONSUMER.CREATE.STEPS.{name}.steps.{name}" for name in PLATFORM_NAMES),
        "$JS.API.CONSUMER.CREATE.ADVISORIES.sweep",
    ],
}
# The server takes `progress.>` for no more than `progress.*`; what is longer, nobody may say.
HEARS = {"gateway": [*_HINTS, "progress.>"], **{name: [f"_INBOX_{name}.>"] for name in IDENTITIES if name != "gateway"}}


def subjects() -> list[str]:
    """All of them, each once."""
    found = [*OTHERS]
    for template in (*API, *OF_JETSTREAM):
        found += _filled(template)
    return list(dict.fromkeys(found))


def fits(subject: str, patterns: list[str]) -> bool:
    """Whether one of the patterns holds the subject, which may be a pattern itself."""
    return any(_holds(pattern.split("."), subject.split(".")) for pattern in patterns)


def words_of_api(program: bytes) -> set[str]:
    """What the server itself serves beneath $JS.API with a name at its end, as far as its program tells."""
    found = re.findall(rb"\$JS\.API((?:\.[A-Z_]+)+)\.[*%]", program)
    return {word.decode().removeprefix(".") for word in found}


def _filled(template: str) -> Iterator[str]:
    for stream in STREAM_NAMES if "{s}" in template else ("",):
        for consumer in CONSUMER_NAMES if "{c}" in template else ("",):
            yield template.format(s=stream, c=consumer)


def _holds(pattern: list[str], subject: list[str]) -> bool:
    match pattern, subject:
        case [[">"], [_, *_]]:
            return True
        case [[], []]:
            return True
        case [[first, *rest], [word, *words]]:
            return (first == word or (first == "*" and word != ">")) and _holds(rest, words)
        case _:
            return False
