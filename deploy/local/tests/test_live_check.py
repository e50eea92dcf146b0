"""`local live-check` as a person runs it, against a real sandbox on loopback: never anything else."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.domain.job import PlatformName
from common.engine.live_check import CALLS_MAX, endpoints_of
from local.live_check.command import load_table, whom_to_ask
from local.live_check.expectation import HANDLES, RELIED_ON
from local.loopback import PLAIN_HTTP

LOCAL = str(Path(sys.executable).parent / "local")
ROOT = Path(__file__).parents[3]
KEY = "sc_a_key_that_nobody_has"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(sandbox_url: str) -> Run:
    """The command with an environment that leads nowhere but to the sandbox."""

    def run_it(*arguments: str, key: str | None = KEY) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ["PATH"], "SCRAPECREATORS_BASE_URL": sandbox_url}
        environment |= {"SCRAPECREATORS_API_KEY": key} if key is not None else {}
        command = [LOCAL, "live-check", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return run_it


@pytest.fixture
def recorded(sandbox_url: str) -> Callable[[], list[dict[str, Any]]]:
    def ask() -> list[dict[str, Any]]:
        return httpx.get(f"{sandbox_url}/_sandbox/calls", **PLAIN_HTTP).json()["calls"]

    return ask


@pytest.fixture
def fail(sandbox_url: str) -> Callable[..., None]:
    def queue(fault: str, **more: Any) -> None:
        answer = httpx.post(f"{sandbox_url}/_sandbox/faults", json={"fault": fault, **more}, **PLAIN_HTTP)
        answer.raise_for_status()

    return queue


def paths(platform: PlatformName) -> list[str]:
    return [endpoint.path for endpoint in endpoints_of(load_table(platform))]


def row(output: str, path: str) -> str:
    [line] = [line for line in output.splitlines() if f" {path} " in line]
    return line


def test_every_endpoint_of_the_tables_is_asked_once_and_held(run: Run, recorded: Callable[[], Any]) -> None:
    done = run()
    calls = recorded()
    known = [path for platform in PlatformName for path in paths(platform)]
    asked = [call["path"] for call in calls]
    assert (done.returncode, done.stderr) == (0, "")
    assert len(asked) == len(set(asked)) == min(len(known), CALLS_MAX)
    assert set(asked) <= set(known)
    assert all((call["status"], call["credits"]) == (200, 1) for call in calls)
    assert f"{len(asked)} of {len(asked)} shapes held; {len(asked)} answers, {len(asked)} credits." in done.stdout
    for path in set(known) - set(asked):
        assert re.search(rf"Left out, to stay cheap: [^\n]*{path}", done.stdout)


def test_one_platform_alone_is_asked_whole(run: Run, recorded: Callable[[], Any]) -> None:
    done = run("--platform", "youtube")
    assert done.returncode == 0
    assert [call["path"] for call in recorded()] == paths(PlatformName.YOUTUBE)
    assert "tiktok" not in done.stdout
    assert "followers" in row(done.stdout, "/v1/youtube/channel")


def test_without_a_key_one_line_says_so_and_nothing_is_asked(run: Run, recorded: Callable[[], Any]) -> None:
    for key in (None, "", "  "):
        done = run(key=key)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "Nothing was asked: SCRAPECREATORS_API_KEY is not set.\n"
    assert recorded() == []


@pytest.mark.parametrize("key", [KEY, f"bad_{KEY}", f"{KEY} with blanks"])
def test_the_key_is_never_shown(run: Run, key: str) -> None:
    done = run("--platform", "youtube", key=key)
    assert KEY not in done.stdout + done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("401", "the upstream refused the key"),
        ("402", "the upstream account has no credits left"),
        ("429", "upstream asked to slow down"),
    ],
)
def test_what_concerns_the_whole_account_stops_the_check(
    run: Run, fail: Callable[..., None], recorded: Callable[[], Any], fault: str, why: str
) -> None:
    fail(fault, skip=1)
    done = run()
    assert done.returncode == 1
    assert f"Stopped: {why}. Nothing further was asked." in done.stdout
    assert len(recorded()) == 2


@pytest.mark.parametrize(
    ("fault", "status", "why"),
    [
        ("500", "500", "upstream answered 500"),
        ("closed", "-", "no answer:"),
        ("broken_json", "200", "not a JSON object"),
    ],
)
def test_a_call_that_fails_is_a_row_and_the_rest_goes_on(
    run: Run, fail: Callable[..., None], recorded: Callable[[], Any], fault: str, status: str, why: str
) -> None:
    fail(fault, path="/v1/youtube/search/hashtag")
    done = run("--platform", "youtube")
    failed = row(done.stdout, "/v1/youtube/search/hashtag")
    assert done.returncode == 1
    assert status in failed.split()
    assert why in failed
    assert "held" in row(done.stdout, "/v1/youtube/channel-videos")
    assert len(recorded()) == len(paths(PlatformName.YOUTUBE)), "nothing is tried twice"


def test_an_empty_page_and_a_field_that_is_gone_are_named(run: Run, fail: Callable[..., None]) -> None:
    fail("empty_page", path="/v1/youtube/search/hashtag")
    done = run("--platform", "youtube")
    assert done.returncode == 1
    assert "nothing on the page" in row(done.stdout, "/v1/youtube/search/hashtag")


def test_what_nothing_leads_to_is_said_to_be_not_asked(run: Run, fail: Callable[..., None]) -> None:
    fail("404", path="/v1/youtube/channel")
    done = run("--platform", "youtube")
    assert done.returncode == 1
    assert "the upstream does not know it" in row(done.stdout, "/v1/youtube/channel")
    assert "not asked: no answer before led here" in done.stdout


def test_the_platforms_own_accounts_are_asked_for_anywhere_but_on_loopback() -> None:
    assert set(HANDLES) == set(PlatformName)
    assert {name.value: handle for name, handle in HANDLES.items()} == {name.value: name.value for name in PlatformName}
    assert whom_to_ask("https://api.scrapecreators.com") == HANDLES
    assert whom_to_ask("http://127.0.0.1:8090") == {}


@pytest.mark.parametrize("platform", PlatformName)
def test_what_is_relied_on_is_written_down_for_every_endpoint(platform: PlatformName) -> None:
    table = load_table(platform)
    assert table is getattr(importlib.import_module(f"{platform}.table"), platform.upper())
    assert set(paths(platform)) <= set(RELIED_ON)


def test_no_other_target_of_make_runs_it() -> None:
    recipes = re.split(r"^(?=[a-z-]+:)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert [recipe.partition(":")[0] for recipe in recipes if "local live-check" in recipe] == ["live-check"]
    assert "live-check" not in (ROOT / ".ci" / "run").read_text()
