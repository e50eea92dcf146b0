"""The demo and the commands, as a person runs them; the services are stand-ins, the servers and signals are real."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.child import descendants, start_ticks, wait_until

pytestmark = pytest.mark.server

LOCAL = str(Path(sys.executable).parent / "local")
DEMO = """
import sys
from pathlib import Path
from local.demo import run_demo
sys.exit(run_demo(Path(sys.argv[1]), bin_folder=Path(sys.argv[1]) / "bin"))
"""
UP = """
import sys
from pathlib import Path
from local.demo import make_console
from local.stack import Options
from local.up import run_up
root = Path(sys.argv[1])
environment = {"PART_NOTES": str(root / "notes"), "PART_BREAKS": sys.argv[2]}
sys.exit(run_up(Options(root / "kept", bin_folder=root / "bin", environment=environment), make_console()))
"""


def start(script: str, root: Path, breaks: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, str(root), breaks], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def steer(bin_folder: Path, notes: Path, breaks: str = "") -> None:
    """The demo passes no variable of ours on, so the stand-ins are told by their text."""
    for program in bin_folder.iterdir():
        head, _, text = program.read_text().partition("\n")
        settings = f"import os; os.environ.update(PART_NOTES={str(notes)!r}, PART_BREAKS={breaks!r})\n"
        program.write_text(f"{head}\n{settings}{text}")


def test_it_shows_a_hundred_creators_and_tidies_up(folder: Path, bin_folder: Path, notes: Path) -> None:
    steer(bin_folder, notes)
    demo = start(DEMO, folder)
    output, errors = demo.communicate(timeout=60)
    assert (demo.returncode, errors) == (0, "")
    [path] = (folder / "out").glob("demo-*.csv")
    rows = list(csv.DictReader(path.open(newline="", encoding="utf-8")))
    assert len(rows) == 100
    assert rows[1]["bio"].startswith("'=HYPERLINK")
    assert f"CSV: out/{path.name}" in output
    assert "100 creators, 100 distinct, 50 with e-mail, 5 pages bought, 4 profiles bought, 9 credits" in output
    assert "tiktok.com/@cook9" in output
    assert "@cook10" not in output
    assert "1,234,567" in output
    assert "\x1b" not in output
    assert len(output.splitlines()) < 40
    assert list((folder / ".local").iterdir()) == []


def test_it_fails_if_one_creator_is_missing(folder: Path, bin_folder: Path, notes: Path) -> None:
    steer(bin_folder, notes, "gateway:few")
    demo = start(DEMO, folder)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "100 distinct creators were due, 99 came, 99 distinct" in output


@pytest.mark.parametrize(("breaks", "words"), [("tiktok:later", "the last words"), ("webhook:start", "is missing")])
def test_it_says_which_service_broke(folder: Path, bin_folder: Path, notes: Path, breaks: str, words: str) -> None:
    never = "gateway:never"
    steer(bin_folder, notes, breaks)
    gateway = bin_folder / "gateway"
    gateway.write_text(gateway.read_text().replace(repr(breaks), repr(never)))
    demo = start(DEMO, folder)
    output, _ = demo.communicate(timeout=60)
    name = breaks.partition(":")[0]
    assert demo.returncode == 1
    assert f"The demo failed. {name}: ended with exit code" in output
    assert words in output
    assert words in (folder / ".local" / "demo-failed" / f"{name}.log").read_text()
    assert [path.name for path in (folder / ".local").iterdir()] == ["demo-failed"]


@pytest.mark.parametrize("when", ["at once", "in the middle"])
def test_ctrl_c_ends_it_with_130_and_leaves_nobody(folder: Path, bin_folder: Path, notes: Path, when: str) -> None:
    steer(bin_folder, notes, "gateway:never")
    demo = start(DEMO, folder)
    assert wait_until((notes / ("qstash" if when == "at once" else "youtube")).exists, 30)
    if when == "in the middle":
        time.sleep(1)
    below = descendants(demo.pid)
    assert below
    os.kill(demo.pid, signal.SIGINT)
    output, errors = demo.communicate(timeout=30)
    assert (demo.returncode, errors) == (130, "")
    assert "interrupted" in output
    assert all(start_ticks(pid) is None for pid in below)
    assert list((folder / ".local").iterdir()) == []


def test_on_a_terminal_there_is_one_live_bar(folder: Path, bin_folder: Path, notes: Path) -> None:
    steer(bin_folder, notes)
    ours, theirs = pty.openpty()
    demo = subprocess.Popen(
        [sys.executable, "-c", DEMO, str(folder)],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:
        pass  # how a terminal's end is told when the other side has closed
    assert demo.wait(30) == 0
    text = shown.decode()
    assert "100/100 creators, 9 paid calls, 9 credits" in text
    assert "\x1b[?25h" in text, "the cursor is shown again"
    assert "\x1b[31m" not in text.partition("The first 10")[2], "a bio cannot colour the terminal"


def local(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([LOCAL, *arguments], capture_output=True, text=True, check=False, timeout=60)


def await_guide(up: "subprocess.Popen[str]") -> str:
    assert up.stdout is not None
    text = ""
    while "Ctrl-C stops everything" not in text:
        line = up.stdout.readline()
        assert line, text + (up.stderr.read() if up.stderr else "")
        text += line
    return text


def test_up_stays_and_down_ends_it(folder: Path, bin_folder: Path, notes: Path) -> None:
    """`up` prints URLs, a token and two commands; `token` finds it; a second `up` refuses; `down` ends all of it."""
    up = start(UP, folder)
    guide = await_guide(up)
    kept = str(folder / "kept")
    urls = json.loads((folder / "kept" / "state.json").read_text())["urls"]
    assert all(url in guide for url in urls.values())
    assert '/api/scraping/tiktok -H "Authorization: Bearer $(' in guide
    assert f'curl -sS "{urls["gateway"]}/api/scraping/tiktok?jobId=$JOB"' in guide
    assert local("token", "--folder", kept).stdout.startswith("token-")
    second = start(UP, folder)
    output, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"The stack runs already (pid {up.pid})" in output
    below = descendants(up.pid)
    assert local("down", "--folder", kept).stdout == "stopped\n"
    assert up.wait(10) == 0
    assert all(start_ticks(pid) is None for pid in below)
    assert local("down", "--folder", kept).stdout == "nothing runs\n"
    failed = local("token", "--folder", kept)
    assert (failed.returncode, failed.stderr) == (1, "no stack runs; start one with `local up`\n")


def test_up_ends_with_1_and_the_words_of_the_part_that_died(folder: Path, bin_folder: Path, notes: Path) -> None:
    up = start(UP, folder, "instagram:later")
    output, errors = up.communicate(timeout=60)
    assert (up.returncode, errors) == (1, "")
    assert "instagram: ended with exit code 7\n  | the last words" in output
    assert not (folder / "kept" / "state.json").exists()


def test_up_keeps_its_data_and_a_kill_does_not_block_the_next(folder: Path, bin_folder: Path, notes: Path) -> None:
    first = start(UP, folder)
    await_guide(first)
    below = descendants(first.pid)
    first.kill()
    first.wait()
    assert wait_until(lambda: all(start_ticks(pid) is None for pid in below), 15)
    password = (folder / "kept" / "postgres" / "password").read_text()
    second = start(UP, folder)
    await_guide(second)
    assert (folder / "kept" / "postgres" / "password").read_text() == password
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0


def test_down_ends_parts_that_their_supervisor_left(folder: Path) -> None:
    """The recorded pid, with the recorded start; a pid that is another process by now is left alone."""
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    gone = {"name": "local", "pid": 4_000_000, "started_at": 1}
    parts = [
        {"name": "tiktok", "pid": orphan.pid, "started_at": start_ticks(orphan.pid)},
        {"name": "youtube", "pid": stranger.pid, "started_at": (start_ticks(stranger.pid) or 0) - 1},
    ]
    state = {"boot": boot, "supervisor": gone, "parts": parts, "urls": {}}
    (folder / "state.json").write_text(json.dumps(state))
    try:
        assert local("down", "--folder", str(folder)).stdout == "stopped\n"
        assert orphan.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize(("part", "scheme"), [("postgres", "postgresql://"), ("nats", "tls://")])
def test_one_server_alone_in_the_foreground(folder: Path, free_port: int, part: str, scheme: str) -> None:
    arguments = [LOCAL, part, "--port", str(free_port), "--folder", str(folder)]
    alone = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert alone.stdout is not None
    url = alone.stdout.readline()
    assert url.startswith(scheme)
    assert f"127.0.0.1:{free_port}" in url
    [below] = descendants(alone.pid)[:1]
    alone.send_signal(signal.SIGINT)
    assert alone.wait(20) == 0
    assert start_ticks(below) is None
