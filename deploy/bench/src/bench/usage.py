"""What a process has used, by the kernel's books."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def cpu_s(pid: int) -> float:
    """Processor seconds, the process's own and those of all that it started and that still run or were waited for."""
    return sum(_own_cpu_s(each) for each in (pid, *_descendants(pid)))


def peak_mb(pid: int) -> float:
    """The most memory that it ever held at once, in millions of bytes."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def _own_cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS_PER_S


def _descendants(pid: int) -> Iterator[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return
    for child in map(int, text.split()):
        yield child
        yield from _descendants(child)
