"""The machine that figures are from, in one line each: without it no figure means anything."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("psycopg", "nats-py", "httpx", "litestar", "uvicorn", "uvloop", "pydantic", "msgspec")


def describe(now: datetime) -> str:
    """As a Markdown list."""
    facts = {
        "measured": f"{now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{os.cpu_count()} processors ({_processor()}), {_memory_gib():.0f} GiB, {platform.system()} "
        f"{platform.release()}; clients, servers, databases and load share it",
        "load before": f"{os.getloadavg()[0]:.2f} (1 minute)",
        "Python": f"{platform.python_version()}; " + ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "durability": "Postgres with fsync and synchronous commit, nats-server with `sync_interval: always`",
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
