"""Platforms: shown, paused, resumed."""

from datetime import timedelta
from typing import Any

import pytest

from common.db.platform_state import pause_platform

pytestmark = pytest.mark.server


def state(stage: Any) -> tuple[str, str | None, bool, bool]:
    """State and reason, whether it ends by itself, whether it was resumed."""
    (row,) = stage.rows("select * from platform_states where platform = 'tiktok'")
    return row["state"], row["reason"], row["until"] is not None, row["resumed_at"] is not None


async def pause(stage: Any, kind: str, reason: str, lasts: timedelta) -> None:
    async with stage.unit.database.connection() as connection:
        await pause_platform(connection, platform="tiktok", state=kind, reason=reason, lasts=lasts)


async def test_before_a_worker_ever_started_there_is_none(operate: Any, parsed: Any) -> None:
    assert operate("platforms").stdout == "No worker of any platform has started yet.\n"
    assert parsed(operate("platforms", "--json")) == []
    for action in ("pause", "resume"):
        done = operate("platforms", action, "tiktok")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "operate: tiktok: no worker of this platform has started yet\n"


async def test_a_name_that_is_no_platform_is_exit_code_2(operate: Any) -> None:
    for name in ("tt", "TikTok", ""):
        done = operate("platforms", "pause", name)
        assert (done.returncode, done.stdout) == (2, "")


async def test_an_operators_pause_holds_until_it_is_resumed(stage: Any, operate: Any, parsed: Any) -> None:
    await stage.announce()
    await stage.announce("youtube")
    await stage.create("a")
    done = operate("platforms", "pause", "tiktok")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "tiktok: paused. No further call is made; what is in flight is settled, and its jobs wait.\n"
    )
    assert state(stage) == ("paused", "operator", False, False)
    await pause(stage, "cool_down", "cool_down", timedelta(minutes=5))
    assert state(stage) == ("paused", "operator", False, False), "the upstream does not end it"
    assert operate("platforms", "pause", "tiktok").returncode == 0, "a second time changes nothing"
    tiktok, youtube = parsed(operate("platforms", "--json"))
    assert (tiktok["platform"], tiktok["state"], tiktok["reason"], tiktok["until"]) == (
        "tiktok",
        "paused",
        "operator",
        None,
    )
    assert (tiktok["active_jobs"], youtube["active_jobs"], youtube["state"]) == (1, 0, "open")
    for width in (80, 140):
        shown = operate("platforms", width=width).stdout
        assert "it is resumed" in shown
        assert max(len(line) for line in shown.splitlines()) <= width
    done = operate("platforms", "resume", "tiktok")
    assert done.stdout == "tiktok: open. Its workers go on within seconds, a few steps at first.\n"
    assert state(stage) == ("open", None, False, True)


@pytest.mark.parametrize(
    ("kind", "reason", "lasts", "words"),
    [
        ("cool_down", "cool_down", timedelta(minutes=3), "a call tries in 3 min"),
        ("paused", "credits", timedelta(minutes=5), "a call tries in 5 min"),
        ("paused", "configuration", timedelta(0), "a next call tries"),
    ],
)
async def test_other_pauses_show_what_ends_them_and_can_be_ended_too(
    stage: Any, operate: Any, kind: str, reason: str, lasts: timedelta, words: str
) -> None:
    await stage.announce()
    await pause(stage, kind, reason, lasts + timedelta(seconds=20) * bool(lasts))
    shown = operate("platforms").stdout
    assert words in shown
    assert reason in shown
    operate("platforms", "resume", "tiktok")
    assert state(stage) == ("open", None, False, True)
