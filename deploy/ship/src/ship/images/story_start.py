"""How soon a container is ready."""

import os
import re
from pathlib import Path

from ship.images.check import demand
from ship.images.stack import PORTS, Stack

START_MAX_S = 3.0
_TRIES = 3
_BUSY = 50.0
_PRESSURE = Path("/proc/pressure/cpu")


def start_times(stack: Stack) -> None:
    """From a container's start to its first 200 of /readyz: the best of up to three."""
    for service in PORTS:
        [container, *_] = stack.compose.running(service)
        seconds: list[float] = []
        while not seconds or (min(seconds) >= START_MAX_S and len(seconds) < _TRIES):
            stack.stop(container)
            seconds.append(stack.start(container))
        best = f"{min(seconds):.2f} s"
        if min(seconds) < START_MAX_S:
            stack.sheet.confirm(service, f"is ready within {START_MAX_S:.0f} s of its start", best)
            continue
        waiting = waiting_for_a_processor()
        demand(waiting > _BUSY, f"{service} is ready after {best}, the best of {_TRIES}")
        stack.sheet.note(service, f"ready after {best}, NOT JUDGED: others keep the {os.cpu_count()} processors busy")


def waiting_for_a_processor() -> float:
    """In how many percent of the last ten seconds something waited for a processor; 0 where the kernel does not say."""
    told = _PRESSURE.read_text() if _PRESSURE.exists() else ""
    found = re.search(r"^some avg10=([\d.]+)", told, re.MULTILINE)
    return float(found[1]) if found else 0.0
