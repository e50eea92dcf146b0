"""What holds a busy system up, by what was seen of it."""

from collections.abc import Mapping
from typing import Final

from bench.scale.window import PROFILE, RUNNING, Seen, processors
from common.domain.setting import SystemSettings

WORKER: Final = "tiktok"
PROFILE_CALLS_MAX: Final = SystemSettings().api.enrichment_concurrency  # in a process, while nobody sets another
IDLE_MIN: Final = 0.08
FULL: Final = 0.85
OURS_MIN: Final = 0.75  # of what was busy; below that the machine had other things to do


def parts(seen: Seen) -> dict[str, float]:
    """Processors kept busy, all worker processes as one."""
    summed: dict[str, float] = {}
    for name, cores in seen.cores.items():
        part = WORKER if is_worker(name) else name
        summed[part] = summed.get(part, 0.0) + cores
    return dict(sorted(summed.items(), key=lambda part: -part[1]))


def is_worker(name: str) -> bool:
    return name.partition("-")[0] == WORKER


def bottleneck(seen: Seen, workers: int) -> str:
    """The first that is used up, from what ends everything to what ends one part."""
    if seen.idle < IDLE_MIN:
        busy = (1 - seen.idle) * processors()
        is_ours = sum(seen.cores.values()) > OURS_MIN * busy
        return "the machine's processors" if is_ours else "the machine's processors, which others kept busy"
    if parts(seen).get(WORKER, 0.0) / workers > FULL:
        return "the worker's one thread a process"
    if seen.calls.get(PROFILE, 0.0) / workers > FULL * PROFILE_CALLS_MAX:
        return f"the {PROFILE_CALLS_MAX} profile calls at once a process"
    full = [name for name, cores in seen.cores.items() if not is_worker(name) and name != "postgres" and cores > FULL]
    if full:
        return f"the one thread of {full[0]}"
    if (waited := most_waited_for(seen.doing)) is not None:
        return f"Postgres, at {waited}"
    return "nothing that was looked at"


def most_waited_for(doing: Mapping[str, int]) -> str | None:
    """What Postgres mostly waited for, if it waited more than it ran."""
    waits = {what: count for what, count in doing.items() if what != RUNNING and not what.startswith("Client")}
    if not waits or sum(waits.values()) <= doing.get(RUNNING, 0):
        return None
    return max(waits, key=lambda what: waits[what])
