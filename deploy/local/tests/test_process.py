"""The supervisor: real children, real signals, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.child import Command, ProcessError, descendants, plain_environment, start_ticks, wait_until
from local.port import free_port as another_port
from local.port import is_free
from local.process import Part, Supervisor

pytestmark = pytest.mark.server

WEB = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 503, "")
        self.end_headers()
        self.wfile.write(b"not yet" if self.path != "/readyz" else b"")
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
TRACE = """
import os, pathlib, signal, sys
def note(what):
    with open(sys.argv[2], "a") as file:
        file.write(what + " " + sys.argv[3] + chr(10))
def end(*_):
    note("ended")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
note("began")
"""
PARENT = """
import subprocess, sys
below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(below.pid, flush=True)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as started:
        yield started


def part(folder: Path, name: str, script: str, *arguments: str, ready: str) -> Part:
    argv = [sys.executable, "-c", script, *arguments]
    return Part(Command(name, argv, plain_environment(), folder / f"{name}.log"), ready, ready_within_s=20)


def web(folder: Path, name: str, port: int, before: str = "") -> Part:
    return part(folder, name, before + WEB, str(port), ready=f"http://127.0.0.1:{port}/readyz")


def is_gone(pid: int) -> bool:
    return start_ticks(pid) is None


def test_a_part_is_ready_when_it_answers(folder: Path, supervisor: Supervisor, free_port: int) -> None:
    supervisor.start(web(folder, "web", free_port))
    assert supervisor.child("web").is_running
    assert not is_free(free_port)
    supervisor.check()


def test_a_listening_port_is_enough_where_asked(folder: Path, supervisor: Supervisor, free_port: int) -> None:
    listening = part(folder, "web", WEB, str(free_port), ready=f"tcp://127.0.0.1:{free_port}")
    supervisor.start(listening)
    assert supervisor.child("web").is_running


def test_parts_stop_in_reverse_order_of_their_start(folder: Path) -> None:
    trace = folder / "trace"
    with Supervisor() as supervisor:
        for name in ["first", "second", "third"]:
            port = another_port()
            supervisor.start(
                part(folder, name, TRACE + WEB, str(port), str(trace), name, ready=f"http://127.0.0.1:{port}/readyz")
            )
    said = trace.read_text().splitlines()
    assert said == ["began first", "began second", "began third", "ended third", "ended second", "ended first"]


def test_a_part_that_dies_at_start_is_named_with_its_last_twenty_lines(folder: Path, supervisor: Supervisor) -> None:
    script = "for n in range(100): print('line', n)\nprint('DATABASE_URL is missing')\nraise SystemExit(3)"
    with pytest.raises(ProcessError) as caught:
        supervisor.start(part(folder, "gateway", script, ready="http://127.0.0.1:1/readyz"))
    assert caught.value.name == "gateway"
    assert caught.value.reason == "ended with exit code 3"
    assert caught.value.lines == (*(f"line {n}" for n in range(81, 100)), "DATABASE_URL is missing")
    assert "DATABASE_URL is missing" in str(caught.value)


def test_a_part_that_is_never_ready_fails_with_what_it_answered(
    folder: Path, supervisor: Supervisor, free_port: int
) -> None:
    ready = f"http://127.0.0.1:{free_port}/other"
    command = part(folder, "slow", "print('waiting', flush=True)\n" + WEB, str(free_port), ready=ready).command
    with pytest.raises(ProcessError, match=r"not ready within 4 s.*503 not yet") as caught:
        supervisor.start(Part(command, ready, ready_within_s=4))
    assert "waiting" in caught.value.lines


def test_a_part_that_dies_later_is_noticed(folder: Path, supervisor: Supervisor) -> None:
    supervisor.start(web(folder, "steady", another_port()))
    supervisor.start(web(folder, "frail", another_port(), before="print('my last words', flush=True)\n"))
    os.kill(supervisor.child("frail").pid, signal.SIGKILL)
    with pytest.raises(ProcessError, match="frail: was ended by signal 9") as caught:
        assert not wait_until(lambda: supervisor.check() is not None, 5)
    assert "my last words" in caught.value.lines


def test_a_death_while_another_is_awaited_is_noticed(folder: Path, supervisor: Supervisor, free_port: int) -> None:
    never = part(folder, "never", "import time; time.sleep(60)", ready=f"http://127.0.0.1:{free_port}/readyz")
    dying = part(folder, "dying", "import time; time.sleep(0.5); raise SystemExit(1)", ready="tcp://127.0.0.1:1")
    began = time.monotonic()
    with pytest.raises(ProcessError, match="dying: ended with exit code 1"):
        supervisor.start(never, dying)
    assert time.monotonic() - began < 10


def test_a_command_runs_to_its_end(folder: Path, supervisor: Supervisor) -> None:
    made = folder / "made"
    command = part(folder, "migrate", f"open({str(made)!r}, 'w').close()", ready="").command
    supervisor.run(command, timeout_s=20)
    assert made.exists()
    assert supervisor.children == []


def test_a_command_that_fails_or_hangs_says_so(folder: Path, supervisor: Supervisor) -> None:
    failing = part(folder, "migrate", "raise SystemExit('no such table')", ready="").command
    with pytest.raises(ProcessError, match="exit code 1") as caught:
        supervisor.run(failing, timeout_s=20)
    assert caught.value.lines == ("no such table",)
    hanging = part(folder, "migrate", "import time; time.sleep(60)", ready="").command
    with pytest.raises(ProcessError, match="did not end within 1 s"):
        supervisor.run(hanging, timeout_s=1)


@pytest.mark.parametrize("before", ["", DEAF])
def test_a_stop_ends_grandchildren_and_the_deaf(folder: Path, free_port: int, before: str) -> None:
    supervisor = Supervisor()
    supervisor.start(web(folder, "web", free_port, before=before + PARENT))
    child = supervisor.child("web")
    grandchild = int((folder / "web.log").read_text().split()[0])
    assert descendants(child.pid) == [grandchild]
    supervisor.stop(grace_s=1)
    assert is_gone(child.pid)
    assert wait_until(lambda: is_gone(grandchild), 5)


def test_a_restart_brings_a_killed_part_back(folder: Path, supervisor: Supervisor, free_port: int) -> None:
    supervisor.start(web(folder, "web", free_port))
    first = supervisor.child("web").pid
    supervisor.child("web").kill()
    supervisor.restart("web")
    assert supervisor.child("web").pid != first
    supervisor.check()


TELL = """
import os
print("crash at", os.environ.get("CRASH_AT"), flush=True)
"""


def test_a_restart_adds_to_the_environment_for_one_life(folder: Path, supervisor: Supervisor) -> None:
    """Whatever else has died meanwhile is not its business."""
    supervisor.start(web(folder, "web", another_port(), before=TELL), web(folder, "other", another_port()))
    supervisor.child("other").kill()
    supervisor.restart("web", environment={"CRASH_AT": "page.opened"})
    supervisor.restart("web")
    told = [line for line in (folder / "web.log").read_text().splitlines() if line.startswith("crash at")]
    assert told == ["crash at None", "crash at page.opened", "crash at None"]


def test_a_copy_of_a_part_has_a_name_a_place_and_a_log_of_its_own(
    folder: Path, supervisor: Supervisor, free_port: int
) -> None:
    environment = {"CRASH_AT": "page.opened"}
    ready = f"http://127.0.0.1:{free_port}/readyz"
    nap = part(folder, "nap", TELL + "import time; time.sleep(600)", ready=ready)
    supervisor.start(web(folder, "web", free_port), nap)
    supervisor.start_copy("nap", "other", environment, ready)
    assert supervisor.child("other").pid != supervisor.child("nap").pid
    assert wait_until(lambda: "crash at page.opened" in (folder / "other.log").read_text(), 10)
    supervisor.dismiss("other")
    assert [child.name for child in supervisor.children] == ["web", "nap"]
    assert "crash at None" in (folder / "nap.log").read_text()


SUPERVISE = """
import signal, sys, time
from pathlib import Path
from local.child import Command, plain_environment
from local.process import Part, Supervisor
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it
folder, port, script = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
argv = [sys.executable, "-c", script, str(port)]
command = Command("web", argv, plain_environment(), folder / "web.log")
with Supervisor() as supervisor:
    supervisor.start(Part(command, f"http://127.0.0.1:{port}/readyz"))
    try:
        print("ready", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("stopping", supervisor.child("web").is_running, flush=True)
"""


def start_supervisor(folder: Path, port: int, script: str) -> "subprocess.Popen[str]":
    starter = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(folder), str(port), script],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "ready\n"
    return starter


def test_a_killed_supervisor_leaves_nobody(folder: Path, free_port: int) -> None:
    """SIGKILL gives it no chance to stop anything; children, grandchildren and the undertaker are gone all the same."""
    starter = start_supervisor(folder, free_port, DEAF + PARENT + WEB)
    below = descendants(starter.pid)
    assert len(below) == 3
    starter.kill()
    starter.wait()
    assert wait_until(lambda: all(is_gone(pid) for pid in below), 10)
    assert is_free(free_port)


def test_ctrl_c_reaches_only_the_supervisor(folder: Path, free_port: int) -> None:
    """A terminal signals the whole foreground group; the children are not in it, and are stopped in order."""
    starter = start_supervisor(folder, free_port, WEB)
    below = descendants(starter.pid)
    os.killpg(starter.pid, signal.SIGINT)
    output, _ = starter.communicate(timeout=20)
    assert output == "stopping True\n"
    assert starter.returncode == 0
    assert all(is_gone(pid) for pid in below)
