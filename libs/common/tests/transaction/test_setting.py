"""Settings as they are changed: with their history or not at all, one at a time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from common.clock import Clock
from common.db.administration import ChangeFilter, list_setting_changes
from common.db.pool import Database
from common.db.setting import read_settings
from common.engine.setting import Refusal
from common.errors import CallerError
from common.settings import DatabaseSettings
from common.transaction.lock import Unit
from common.transaction.setting import Request, SettingRefusedError, UnknownSettingError, reset_setting, set_setting


@pytest.fixture
async def unit(database_url: str) -> AsyncIterator[Unit]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=4)
    await database.open()
    yield Unit(database=database, clock=Clock(), active_jobs_max=5)
    await database.close()


def asks(name: str, by: str = "grace", *, is_operator: bool = True) -> Request:
    category, key = name.split(".")
    return Request(category=category, key=key, by=by, is_operator=is_operator)


async def stored(unit: Unit) -> dict[str, dict[str, Any]]:
    async with unit.database.connection() as connection:
        return await read_settings(connection)


async def history(unit: Unit) -> list[tuple[str, Any, Any, str]]:
    """Of all settings, the newest change first: key, old and new value (... for the default), by whom."""
    async with unit.database.connection() as connection:
        rows = await list_setting_changes(connection, ChangeFilter())
    return [
        (row.key, ... if row.was_default else row.old_value, ... if row.is_default else row.new_value, row.changed_by)
        for row in rows
    ]


async def test_each_change_has_its_line_and_what_is_none_has_none(unit: Unit) -> None:
    quota = asks("limits.credits_per_owner_per_day")
    assert await set_setting(unit, quota, None)
    assert not await set_setting(unit, quota, None)
    assert await set_setting(unit, asks("limits.credits_per_owner_per_day", "eve"), 5)
    assert await reset_setting(unit, quota)
    assert not await reset_setting(unit, quota)
    assert await stored(unit) == {}
    key = "credits_per_owner_per_day"
    assert await history(unit) == [(key, 5, ..., "grace"), (key, None, 5, "eve"), (key, ..., None, "grace")]


async def test_a_default_that_is_set_is_kept_when_the_default_moves(unit: Unit) -> None:
    assert await set_setting(unit, asks("api.max_api_calls"), 200)
    assert await stored(unit) == {"api": {"max_api_calls": 200}}


async def test_what_cannot_be_writes_nothing(unit: Unit) -> None:
    with pytest.raises(UnknownSettingError):
        await set_setting(unit, asks("api.no_such"), 1)
    with pytest.raises(UnknownSettingError):
        await reset_setting(unit, asks("api.no_such"))
    with pytest.raises(CallerError):
        await set_setting(unit, asks("api.max_api_calls"), 0)
    with pytest.raises(SettingRefusedError) as caught:
        await set_setting(unit, asks("api.delay_between_calls"), "PT1H")
    assert caught.value.refusal is Refusal.NO_SECOND_PAGE
    assert (await stored(unit), await history(unit)) == ({}, [])


async def test_only_who_is_an_administrator_changes_as_one(unit: Unit) -> None:
    as_ada = asks("api.max_api_calls", "user_ada", is_operator=False)
    with pytest.raises(SettingRefusedError):
        await set_setting(unit, as_ada, 7)
    with pytest.raises(SettingRefusedError):
        await reset_setting(unit, as_ada)
    await set_setting(unit, asks("limits.admin_user_ids"), ["user_ada"])
    assert await set_setting(unit, as_ada, 7)
    assert (await history(unit))[0] == ("max_api_calls", ..., 7, "user_ada")


async def test_two_changes_that_do_not_go_together_do_not_both_happen(unit: Unit) -> None:
    answers = await asyncio.gather(
        set_setting(unit, asks("api.delay_between_calls"), "PT30M"),
        set_setting(unit, asks("timeouts.standard_job_timeout"), "PT20M"),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["SettingRefusedError", "bool"]
    assert len(await history(unit)) == 1


async def test_what_is_stored_under_an_unknown_key_can_be_taken_away(unit: Unit) -> None:
    async with unit.database.connection() as connection:
        await connection.execute("insert into system_settings (category, key, value) values ('mood', 'music', '1')")
    assert await reset_setting(unit, asks("mood.music"))
    assert (await stored(unit), await history(unit)) == ({}, [("music", 1, ..., "grace")])
