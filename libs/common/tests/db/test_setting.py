"""Dynamic settings as they are stored, on real Postgres."""

from typing import Any

import pytest
from psycopg.errors import UniqueViolation

from common.db.setting import read_settings
from common.domain.setting import SystemSettings


async def put(scene: Any, category: str, key: str, value: str) -> None:
    await scene.query("insert into system_settings (category, key, value) values (%s, %s, %s)", category, key, value)


async def test_what_is_stored_is_read_by_category_and_key(scene: Any) -> None:
    async with scene.database.connection() as connection:
        assert await read_settings(connection) == {}
        await put(scene, "api", "max_api_calls", "7")
        await put(scene, "api", "delay_between_calls", '"PT2S"')
        await put(scene, "recovery", "sweep_every", "30")
        stored = await read_settings(connection)
    assert stored == {"api": {"max_api_calls": 7, "delay_between_calls": "PT2S"}, "recovery": {"sweep_every": 30}}
    settings = SystemSettings.model_validate(stored)
    assert (settings.api.max_api_calls, settings.api.delay_between_calls.total_seconds()) == (7, 2)
    assert settings.recovery.sweep_every.total_seconds() == 30
    with pytest.raises(UniqueViolation):
        await put(scene, "api", "max_api_calls", "8")
