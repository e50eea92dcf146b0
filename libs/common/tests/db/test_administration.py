"""What administrators read and write, on real Postgres: everybody's letters, the settings with their history."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common.db import administration as table
from common.db.administration import ChangeFilter, LetterFilter, NewSetting, SettingChange
from common.db.dead_letter import DeadLetter, insert_dead_letter, resolve_letter
from common.db.setting import read_settings
from common.domain.job import JobStatus


async def letter(scene: Any, seat: Any, *, reference: str | None = None, step: int = 0) -> UUID:
    letter_id = scene.clock.new_id()
    details = {} if reference is None else {"reference": reference}
    new = DeadLetter(
        id=letter_id,
        job_id=seat.job_id,
        search_id=seat.search_id,
        step=step,
        generation=0,
        reason="max_deliver",
        details=details,
    )
    async with scene.database.connection() as connection:
        assert await insert_dead_letter(connection, new)
    return letter_id


async def ids(scene: Any, **wanted: Any) -> list[UUID]:
    async with scene.database.connection() as connection:
        return [row.id for row in await table.read_letters(connection, LetterFilter(**wanted))]


async def test_letters_are_filtered_by_each_condition_and_by_all(scene: Any) -> None:
    one, other = await scene.seat(), await scene.seat()
    first = await letter(scene, one, reference="r1")
    second = await letter(scene, one, reference="r2", step=1)
    third = await letter(scene, other)
    mine = [first, second, third]
    async with scene.database.connection() as connection:
        assert await resolve_letter(connection, letter_id=second, resolution="discarded", by="ada")
    assert await ids(scene, ids=mine) == [third, second, first], "the newest first"
    assert await ids(scene, ids=[]) == []
    assert await ids(scene, job_id=one.job_id) == [second, first]
    assert await ids(scene, reference="r1") == [first]
    assert await ids(scene, ids=mine, is_open=True) == [third, first]
    assert await ids(scene, ids=mine, is_open=False) == [second]
    assert await ids(scene, ids=mine, before=third) == [second, first], (
        "without the one that the page before ended with"
    )
    assert await ids(scene, ids=mine, count_max=1) == [third]
    assert await ids(scene, ids=mine, is_open=True, before=third, job_id=one.job_id, reference="r1") == [first]


async def test_a_letter_tells_of_its_job_and_search_and_outlives_them(scene: Any) -> None:
    seat = await scene.seat()
    letter_id = await letter(scene, seat, reference="r")
    async with scene.database.connection() as connection:
        (row,) = await table.read_letters(connection, LetterFilter(ids=[letter_id]))
        assert (row.job_id, row.owner, row.platform, row.job_status) == (
            seat.job_id,
            seat.owner,
            seat.platform,
            JobStatus.PENDING,
        )
        assert (row.search_id, row.kind, row.query, row.step, row.reference) == (
            seat.search_id,
            "keyword",
            "q0",
            0,
            "r",
        )
        assert row.is_open
        await scene.change_job(seat, status="cancelled", stop_reason="cancelled", ended_at=datetime.now(UTC))
        await connection.execute("delete from jobs where id = %s", [seat.job_id])
        (row,) = await table.read_letters(connection, LetterFilter(ids=[letter_id]))
    assert (row.job_id, row.owner, row.platform, row.job_status, row.kind, row.query) == (seat.job_id, *[None] * 5)


def setting(key: str, value: Any, by: str = "user_ada") -> NewSetting:
    return NewSetting(category="test", key=key, value=value, description=f"what {key} is for", updated_by=by)


def change(scene: Any, key: str, **given: Any) -> SettingChange:
    usual = {"was_default": True, "old_value": None, "is_default": True, "new_value": None, "changed_by": "user_ada"}
    return SettingChange(id=scene.clock.new_id(), category="test", key=key, **usual | given)


async def test_a_setting_is_stored_replaced_and_taken_away(scene: Any) -> None:
    async with scene.database.connection() as connection:
        for value in (7, "PT1S", None, ["user_ada", "user_bob"]):
            await table.put_setting(connection, setting("one", value))
            (row,) = [row for row in await table.list_settings(connection) if row.category == "test"]
            assert (row.key, row.value, row.updated_by) == ("one", value, "user_ada")
            assert (await read_settings(connection))["test"] == {"one": value}
        await table.put_setting(connection, setting("one", 8, by="user_bob"))
        await table.put_setting(connection, setting("another", 9))
        rows = [row for row in await table.list_settings(connection) if row.category == "test"]
        assert [(row.key, row.value, row.updated_by) for row in rows] == [
            ("another", 9, "user_ada"),
            ("one", 8, "user_bob"),
        ]
        assert rows[1].updated_at > row.updated_at
        await table.delete_setting(connection, category="test", key="one")
        await table.delete_setting(connection, category="test", key="nothing")
        assert (await read_settings(connection))["test"] == {"another": 9}
        await table.delete_setting(connection, category="test", key="another")
    described = await scene.query("select description from system_settings where category = 'test'")
    assert described == []


async def test_the_history_tells_the_default_from_a_value_of_none(scene: Any) -> None:
    first = change(scene, "quota", is_default=False, new_value=None)
    second = change(scene, "quota", was_default=False, old_value=None, is_default=False, new_value=5)
    third = change(scene, "quota", was_default=False, old_value=5, changed_by="grace")
    async with scene.database.connection() as connection:
        for one in (first, second, third):
            await table.insert_setting_change(connection, one)
        rows = await table.list_setting_changes(connection, ChangeFilter(category="test", key="quota"))
    assert [SettingChange(**row.model_dump(exclude={"changed_at"})) for row in rows] == [third, second, first]
    assert rows[0].changed_at >= rows[1].changed_at


async def test_the_history_is_of_one_setting_or_of_all_and_goes_on_after_the_last(scene: Any) -> None:
    mine = [change(scene, key, is_default=False, new_value=1) for key in ("a", "b", "a", "a")]
    async with scene.database.connection() as connection:
        for one in mine:
            await table.insert_setting_change(connection, one)

        async def ids(**wanted: Any) -> list[UUID]:
            return [row.id for row in await table.list_setting_changes(connection, ChangeFilter(**wanted))]

        assert await ids(category="test", key="a") == [mine[3].id, mine[2].id, mine[0].id]
        assert await ids(category="test", key="a", count_max=2) == [mine[3].id, mine[2].id]
        assert await ids(category="test", key="a", before=mine[2].id) == [mine[0].id]
        assert await ids(category="other", key="a") == []
        assert (await ids())[:4] == [one.id for one in reversed(mine)]


async def test_who_changes_settings_waits_for_who_does_and_who_reads_does_not(scene: Any) -> None:
    async with scene.database.transaction() as first:
        await table.lock_settings(first)
        await table.put_setting(first, setting("locked", 1))

        async def second() -> Any:
            async with scene.database.transaction() as connection:
                await table.lock_settings(connection)
                return (await read_settings(connection))["test"]["locked"]

        waiting = asyncio.create_task(second())
        while not waiting.done() and not await scene.query(
            "select pid from pg_locks where not granted and mode = 'ShareRowExclusiveLock'"
        ):
            await asyncio.sleep(0.01)
        async with scene.database.connection() as reader:
            assert "locked" not in (await read_settings(reader)).get("test", {})
    assert await waiting == 1, "it sees what the first one wrote"
    await scene.query("delete from system_settings where category = 'test'")
