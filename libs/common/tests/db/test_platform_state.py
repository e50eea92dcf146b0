"""The state of a platform on real Postgres: a wait is never shortened and ends by itself."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation

from common.db.platform_state import announce_platform, open_platform, pause_platform, read_platform

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def platform(scene: Any) -> str:
    name = f"p{uuid4().hex}"
    await announce(scene, name)
    return name


async def announce(scene: Any, platform: str, label: str = "P", kinds: tuple[str, ...] = ("keyword",)) -> None:
    async with scene.database.connection() as connection:
        await announce_platform(connection, platform=platform, label=label, modes=["keyword"], search_kinds=list(kinds))


async def pause(scene: Any, platform: str, lasts: timedelta, reason: str = "cool_down", state: str = "paused") -> None:
    async with scene.database.connection() as connection:
        await pause_platform(connection, platform=platform, state=state, reason=reason, lasts=lasts)


async def read(scene: Any, platform: str) -> Any:
    async with scene.database.connection() as connection:
        return await read_platform(connection, platform=platform)


async def reopens(scene: Any, platform: str) -> bool:
    async with scene.database.connection() as connection:
        return await open_platform(connection, platform=platform)


async def test_a_platform_is_what_its_worker_announced_last(scene: Any, platform: str) -> None:
    row = await read(scene, platform)
    assert row.model_dump() == {
        "platform": platform,
        "label": "P",
        "modes": ("keyword",),
        "search_kinds": ("keyword",),
        "reason": None,
        "until": None,
        "is_open": True,
        "waits": None,
    }
    await pause(scene, platform, MINUTE)
    await announce(scene, platform, "Q", ("hashtag", "keyword"))
    row = await read(scene, platform)
    assert (row.label, row.search_kinds) == ("Q", ("hashtag", "keyword"))
    assert not row.is_open, "a worker that starts does not end a pause"
    assert await read(scene, "never") is None


async def test_a_pause_says_why_and_how_long(scene: Any, platform: str) -> None:
    await pause(scene, platform, MINUTE, "credits")
    row = await read(scene, platform)
    assert (row.is_open, row.reason) == (False, "credits")
    assert timedelta(seconds=50) < row.waits <= MINUTE


async def test_a_longer_wait_is_never_shortened(scene: Any, platform: str) -> None:
    await pause(scene, platform, MINUTE * 10, "credits")
    before = await read(scene, platform)
    await pause(scene, platform, MINUTE, "cool_down", "cool_down")
    after = await read(scene, platform)
    assert (after.until, after.reason) == (before.until, "credits")
    await pause(scene, platform, MINUTE * 20, "cool_down", "cool_down")
    longest = await read(scene, platform)
    assert longest.until > before.until
    assert longest.reason == "cool_down"


async def test_an_operators_pause_has_no_end(scene: Any, platform: str) -> None:
    """No answer of the upstream replaces it, and no call that went well opens it."""
    await scene.change("platform_states", "platform", platform, state="paused", reason="operator", until=None)
    await pause(scene, platform, timedelta(days=30))
    assert not await reopens(scene, platform)
    row = await read(scene, platform)
    assert (row.is_open, row.reason, row.until, row.waits) == (False, "operator", None, None)


async def test_a_wait_ends_by_itself(scene: Any, platform: str) -> None:
    await pause(scene, platform, timedelta(0))
    row = await read(scene, platform)
    assert (row.is_open, row.waits) == (True, None)
    assert row.reason == "cool_down", "until a call went well"
    assert await reopens(scene, platform)
    assert (await read(scene, platform)).reason is None
    assert not await reopens(scene, platform), "it is told once"


async def test_a_call_that_went_well_does_not_end_a_wait_that_others_set(scene: Any, platform: str) -> None:
    await pause(scene, platform, MINUTE)
    assert not await reopens(scene, platform)
    assert not (await read(scene, platform)).is_open


async def test_a_wait_that_is_over_does_not_keep_a_new_one_out(scene: Any, platform: str) -> None:
    await pause(scene, platform, timedelta(0), "credits")
    await pause(scene, platform, MINUTE, "cool_down", "cool_down")
    row = await read(scene, platform)
    assert (row.is_open, row.reason) == (False, "cool_down")


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "paused"},
        {"reason": "credits"},
        {"state": "cool_down", "reason": "cool_down"},
        {"state": "closed", "reason": "x"},
    ],
)
async def test_the_schema_refuses_a_state_that_cannot_be(scene: Any, platform: str, columns: dict[str, Any]) -> None:
    """A wait has a reason, an open platform has none, and a cool-down has an end."""
    with pytest.raises(CheckViolation):
        await scene.change("platform_states", "platform", platform, **columns)
