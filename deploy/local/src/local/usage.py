"""What a process has used, by the kernel's books."""

import os
import re
from pathlib import Path

from local.child import descendants, read_stat

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def cpu_s(pid: int) -> float:
    """Processor seconds of the process itself. Raises ProcessLookupError if there is none."""
    stat = read_stat(pid)
    if stat is None:
        raise ProcessLookupError(pid)
    return sum(map(int, stat[11:13])) / _TICKS_PER_S


def family_cpu_s(pid: int) -> float:
    """The same with all that it started and that still run or were waited for; who is gone counts as nothing."""
    stats = [read_stat(each) for each in (pid, *descendants(pid))]
    return sum(sum(map(int, stat[11:15])) for stat in stats if stat is not None) / _TICKS_PER_S


def peak_mb(pid: int) -> float:
    """The most memory that it ever held at once, in millions of bytes."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6
