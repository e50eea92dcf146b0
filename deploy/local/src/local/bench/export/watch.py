"""What others notice of a busy process: its memory, and how long it lets a short question wait.

Looked at from a process of its own: whoever takes a large file is busy too.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from local.usage import cpu_s

_SAMPLE_S = 0.01
_TIMEOUT_S = 30.0


def rss_bytes(pid: int) -> int:
    """The memory that a process has in use now."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


class Watch:
    """Looks while its block runs: the peak of memory, the longest answer to /livez, what the process worked."""

    def __init__(self, pid: int, url: str) -> None:
        self._pid = pid
        self._url = url
        self._looker: subprocess.Popen[bytes] | None = None
        self._cpu_before_s = 0.0
        self.rss_before = rss_bytes(pid)
        self.rss_peak = self.rss_before
        self.pause_max_s = 0.0
        self.cpu_s = 0.0

    def __enter__(self) -> Self:
        argv = [sys.executable, "-m", "local.bench.export.watch", str(self._pid), self._url]
        self._looker = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._looker.stdout is not None
        self._looker.stdout.readline()  # it looks
        self._cpu_before_s = cpu_s(self._pid)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._looker is not None
        self.cpu_s = cpu_s(self._pid) - self._cpu_before_s
        seen, _ = self._looker.communicate()
        self.rss_peak, self.pause_max_s = json.loads(seen)


class _Looker:
    """Two threads that look again and again until there is no more input."""

    def __init__(self, pid: int, url: str) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        self._pid = pid
        self._over = threading.Event()
        self.rss_peak = 0
        self.pause_max_s = 0.0

    def look(self) -> None:
        self._weigh()
        self._ask()
        self.pause_max_s = 0.0  # of the first question, which connects
        threads = [threading.Thread(target=self._repeat, args=(look,)) for look in (self._weigh, self._ask)]
        for thread in threads:
            thread.start()
        print("looking", flush=True)
        sys.stdin.read()
        self._over.set()
        for thread in threads:
            thread.join()
        print(json.dumps([self.rss_peak, self.pause_max_s]))

    def _repeat(self, look: Callable[[], None]) -> None:
        while not self._over.wait(_SAMPLE_S):
            look()

    def _weigh(self) -> None:
        self.rss_peak = max(self.rss_peak, rss_bytes(self._pid))

    def _ask(self) -> None:
        began = time.perf_counter()
        self._connection.request("GET", "/livez")
        self._connection.getresponse().read()
        self.pause_max_s = max(self.pause_max_s, time.perf_counter() - began)


if __name__ == "__main__":
    _Looker(int(sys.argv[1]), sys.argv[2]).look()
