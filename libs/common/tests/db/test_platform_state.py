"""The state of a platform on real Postgres: a wait is never shortened, and ends when one call went well."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation

from common.db.platform_state import (
    Ability,
    announce_platform,
    open_platform,
    pause_platform,
    read_platform,
    resume_platform,
    return_probe,
    stop_platform,
    take_probe,
)
from common.domain.handle import HandleRule

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def platform(scene: Any) -> str:
    name = f"p{uuid4().hex}"
    await announce(scene, name)
    return name


async def announce(scene: Any, platform: str, label: str = "P", kinds: tuple[str, ...] = ("keyword",)) -> None:
    async with scene.database.connection() as connection:
        await announce_platform(
            connection, Ability(platform=platform, label=label, modes=("keyword",), search_kinds=kinds)
        )


async def pause(scene: Any, platform: str, lasts: timedelta, reason: str = "cool_down", state: str = "paused") -> None:
    async with scene.database.connection() as connection:
        await pause_platform(connection, platform=platform, state=state, reason=reason, lasts=lasts)


async def read(scene: Any, platform: str) -> Any:
    async with scene.database.connection() as connection:
        return await read_platform(connection, platform=platform)


async def state(scene: Any, platform: str) -> dict[str, Any]:
    return (await scene.query("select * from platform_states where platform = %s", platform))[0]


async def takes(scene: Any, platform: str, prober: UUID, lasts: timedelta = MINUTE) -> bool:
    async with scene.database.connection() as connection:
        return await take_probe(connection, platform=platform, prober=prober, lasts=lasts)


async def returns(scene: Any, platform: str, prober: UUID, lasts: timedelta = timedelta(0)) -> None:
    async with scene.database.connection() as connection:
        await return_probe(connection, platform=platform, prober=prober, lasts=lasts)


async def opens(scene: Any, platform: str, prober: UUID) -> bool:
    async with scene.database.connection() as connection:
        return await open_platform(connection, platform=platform, prober=prober)


async def test_a_platform_is_what_its_worker_announced_last(scene: Any, platform: str) -> None:
    row = await read(scene, platform)
    assert row.model_dump() == {
        "platform": platform,
        "label": "P",
        "modes": ("keyword",),
        "search_kinds": ("keyword",),
        "filters": (),
        "handles": None,
        "reason": None,
        "until": None,
        "is_open": True,
        "is_probe_due": False,
        "resumed_for": None,
        "is_held": False,
    }
    await pause(scene, platform, MINUTE)
    await announce(scene, platform, "Q", ("hashtag", "keyword"))
    row = await read(scene, platform)
    assert (row.label, row.search_kinds) == ("Q", ("hashtag", "keyword"))
    assert not row.is_open, "a worker that starts does not end a pause"
    assert await read(scene, "never") is None
    rule = HandleRule(hosts=("a.example",), paths=(r"/@(\w+)",), pattern=r"\w+", is_lower=True, example="ada")
    async with scene.database.connection() as connection:
        ability = Ability(
            platform=platform, label="R", modes=(), search_kinds=(), filters=("hasEmail", "verified"), handles=rule
        )
        await announce_platform(connection, ability)
    row = await read(scene, platform)
    assert (row.filters, row.handles) == (("hasEmail", "verified"), rule)


@pytest.mark.parametrize(("lasts", "is_probe_due"), [(MINUTE, False), (timedelta(0), True)])
async def test_a_pause_says_why_how_long_and_whether_one_may_try(
    scene: Any, platform: str, lasts: timedelta, is_probe_due: bool
) -> None:
    """When its time is over it is not open: one call may try."""
    before = scene.clock.now()
    await pause(scene, platform, lasts, "credits")
    row = await read(scene, platform)
    assert (row.is_open, row.is_probe_due, row.reason) == (False, is_probe_due, "credits")
    assert before + lasts <= row.until <= scene.clock.now() + lasts
    assert row.resumed_for is None


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
    """No answer of the upstream replaces it, no call may try, and none that went well opens it."""
    async with scene.database.connection() as connection:
        assert await stop_platform(connection, platform=platform)
        assert not await stop_platform(connection, platform="never")
    await pause(scene, platform, timedelta(days=30))
    prober = uuid4()
    assert not await takes(scene, platform, prober)
    assert not await opens(scene, platform, prober)
    row = await read(scene, platform)
    assert (row.is_open, row.is_probe_due, row.reason, row.until) == (False, False, "operator", None)


async def test_an_operators_pause_ends_the_probe_under_way(scene: Any, platform: str) -> None:
    """A call that is in the air then opens nothing, and giving its right back does not shorten the pause either."""
    prober = uuid4()
    await pause(scene, platform, timedelta(0))
    assert await takes(scene, platform, prober)
    async with scene.database.connection() as connection:
        assert await stop_platform(connection, platform=platform)
    await returns(scene, platform, prober)
    assert not await opens(scene, platform, prober)
    row = await state(scene, platform)
    assert (row["state"], row["reason"], row["until"], row["prober"]) == ("paused", "operator", None, None)


@pytest.mark.parametrize("is_stopped", [True, False])
async def test_an_operator_ends_whatever_pause_there_is(scene: Any, platform: str, is_stopped: bool) -> None:
    """Pulling grows from then; the probe that was under way has nothing left to open."""
    prober = uuid4()
    await pause(scene, platform, timedelta(0))
    assert await takes(scene, platform, prober)
    async with scene.database.connection() as connection:
        if is_stopped:
            await stop_platform(connection, platform=platform)
        assert await resume_platform(connection, platform=platform)
        assert not await resume_platform(connection, platform="never")
    row = await read(scene, platform)
    assert (row.is_open, row.is_probe_due, row.reason, row.until) == (True, False, None, None)
    assert timedelta(0) <= row.resumed_for < MINUTE
    assert not await opens(scene, platform, prober)
    assert (await state(scene, platform))["prober"] is None


async def test_only_one_of_many_gets_the_probe(scene: Any, platform: str) -> None:
    """For as long as its call can take nobody else may try; afterwards it may be taken over."""
    await pause(scene, platform, timedelta(0))
    probers = [uuid4() for _ in range(20)]
    taken = await asyncio.gather(*(takes(scene, platform, prober) for prober in probers))
    assert sum(taken) == 1
    holder = probers[taken.index(True)]
    row = await state(scene, platform)
    assert row["prober"] == holder
    assert scene.clock.now() < row["until"] <= scene.clock.now() + MINUTE
    assert not (await read(scene, platform)).is_probe_due
    await scene.change("platform_states", "platform", platform, until="=now() - interval '1 second'")
    assert await takes(scene, platform, uuid4()), "whoever had it died"
    assert not await opens(scene, platform, holder), "it is not its to open any more"


async def test_there_is_no_probe_before_the_pause_is_over_or_without_one(scene: Any, platform: str) -> None:
    assert not await takes(scene, platform, uuid4())
    await scene.change("platform_states", "platform", platform, until="=now() - interval '1 minute'")
    assert not await takes(scene, platform, uuid4()), "a time that was left behind is no pause"
    await pause(scene, platform, MINUTE)
    before = await state(scene, platform)
    assert not await takes(scene, platform, uuid4())
    assert await state(scene, platform) == before


async def test_a_probe_that_went_well_opens_the_platform_once(scene: Any, platform: str) -> None:
    prober = uuid4()
    await pause(scene, platform, timedelta(0))
    assert await takes(scene, platform, prober)
    assert not await opens(scene, platform, uuid4()), "a call that was in the air before the pause tells nothing"
    assert not (await read(scene, platform)).is_open
    assert await opens(scene, platform, prober)
    row = await read(scene, platform)
    assert (row.is_open, row.is_probe_due, row.reason, row.until) == (True, False, None, None)
    assert timedelta(0) <= row.resumed_for < MINUTE
    after = await state(scene, platform)
    assert after["prober"] is None
    assert not await opens(scene, platform, prober), "it is told once"
    assert await state(scene, platform) == after
    await scene.change("platform_states", "platform", platform, resumed_at="=now() - interval '1 hour'")
    assert (await read(scene, platform)).resumed_for >= timedelta(hours=1)


async def test_a_call_that_went_well_does_not_end_a_wait_that_others_set(scene: Any, platform: str) -> None:
    prober = uuid4()
    await pause(scene, platform, timedelta(0))
    assert await takes(scene, platform, prober)
    await pause(scene, platform, MINUTE)
    assert not await opens(scene, platform, prober)
    row = await state(scene, platform)
    assert (row["state"], row["prober"]) == ("paused", None)


async def test_a_probe_that_told_nothing_leaves_the_next_try_to_others(scene: Any, platform: str) -> None:
    """After the wait that it asks for; the pause stays, with its reason. Only its holder gives it back."""
    prober = uuid4()
    await pause(scene, platform, timedelta(0), "credits")
    assert await takes(scene, platform, prober)
    taken = await state(scene, platform)
    await returns(scene, platform, uuid4())
    assert await state(scene, platform) == taken
    await returns(scene, platform, prober, timedelta(seconds=30))
    row = await state(scene, platform)
    assert (row["state"], row["reason"], row["prober"]) == ("paused", "credits", None)
    assert scene.clock.now() < row["until"] < taken["until"]
    assert not await takes(scene, platform, uuid4()), "not at once"
    await scene.change("platform_states", "platform", platform, until="=now()")
    assert await takes(scene, platform, uuid4())


async def test_giving_back_a_probe_of_an_open_platform_changes_nothing(scene: Any, platform: str) -> None:
    """The call went well, so it is over twice."""
    prober = uuid4()
    await pause(scene, platform, timedelta(0))
    assert await takes(scene, platform, prober)
    assert await opens(scene, platform, prober)
    before = await state(scene, platform)
    await returns(scene, platform, prober)
    assert await state(scene, platform) == before


@pytest.mark.parametrize("lasts", [timedelta(seconds=5), MINUTE * 5])
async def test_what_the_probe_was_told_replaces_its_own_time(scene: Any, platform: str, lasts: timedelta) -> None:
    """The upstream asked the probe to wait again: for that long from now, shorter or longer than a probe lasts."""
    await pause(scene, platform, timedelta(0), "credits")
    assert await takes(scene, platform, uuid4(), MINUTE)
    await pause(scene, platform, lasts, "cool_down", "cool_down")
    row = await state(scene, platform)
    assert (row["state"], row["reason"], row["prober"]) == ("cool_down", "cool_down", None)
    assert abs(row["until"] - scene.clock.now() - lasts) < timedelta(seconds=4)


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
