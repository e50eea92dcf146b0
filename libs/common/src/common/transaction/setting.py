"""Changing a dynamic setting: checked together with the others, one change at a time, and written with its history."""

from dataclasses import dataclass
from typing import Any

from common.db import administration as table
from common.db.administration import NewSetting, SettingChange
from common.db.pool import Connection
from common.domain.setting_key import SETTING_KEYS, Stored, settings_of
from common.engine.setting import Refusal, refuse_change
from common.transaction.lock import Unit


class UnknownSettingError(Exception):
    """There is no such setting."""


class SettingRefusedError(Exception):
    """Nothing was written."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which setting is to change, and who asks: an operator, or an administrator, who must still be one and stays
    one."""

    category: str
    key: str
    by: str
    is_operator: bool = False

    @property
    def place(self) -> tuple[str, str]:
        return self.category, self.key


@dataclass(frozen=True, slots=True)
class _Kept:
    """A value that is stored; without one, the default is in force."""

    value: Any


async def set_setting(unit: Unit, request: Request, value: Any) -> bool:
    """Store the value; False if it is the stored one already: then nothing is written.

    Raises UnknownSettingError, CallerError at /value if the setting does not take it, SettingRefusedError.
    """
    setting = SETTING_KEYS.get(request.place)
    if setting is None:
        raise UnknownSettingError
    return await _change(unit, request, _Kept(setting.parse(value)))


async def reset_setting(unit: Unit, request: Request) -> bool:
    """Back to the default, also for what is stored under a key that is not known; False if it has its default already.

    Raises UnknownSettingError, SettingRefusedError.
    """
    return await _change(unit, request, None)


async def _change(unit: Unit, request: Request, new: _Kept | None) -> bool:
    async with unit.database.transaction() as connection:
        await table.lock_settings(connection)
        stored = {(row.category, row.key): row.value for row in await table.list_settings(connection)}
        old = _Kept(stored[request.place]) if request.place in stored else None
        if old is None and request.place not in SETTING_KEYS:
            raise UnknownSettingError
        _check(request, stored, new)
        if _is_same(request, old, new):
            return False
        await _write(connection, request, new)
        change = SettingChange(
            id=unit.clock.new_id(),
            category=request.category,
            key=request.key,
            was_default=old is None,
            old_value=old.value if old else None,
            is_default=new is None,
            new_value=new.value if new else None,
            changed_by=request.by,
        )
        await table.insert_setting_change(connection, change)
    return True


def _check(request: Request, stored: Stored, new: _Kept | None) -> None:
    after = {place: value for place, value in stored.items() if place != request.place}
    if new is not None:
        after[request.place] = new.value
    administrator = None if request.is_operator else request.by
    refusal = refuse_change(settings_of(stored), settings_of(after), administrator=administrator)
    if refusal is not None:
        raise SettingRefusedError(refusal)


def _is_same(request: Request, old: _Kept | None, new: _Kept | None) -> bool:
    """Whether both mean the same; by hand a duration may have been stored as a number of seconds."""
    if old is None or new is None:
        return old is new
    setting = SETTING_KEYS[request.place]
    return setting.is_valid(old.value) and setting.parse(old.value) == new.value


async def _write(connection: Connection, request: Request, new: _Kept | None) -> None:
    if new is None:
        await table.delete_setting(connection, category=request.category, key=request.key)
        return
    setting = NewSetting(
        category=request.category,
        key=request.key,
        value=new.value,
        description=SETTING_KEYS[request.place].description,
        updated_by=request.by,
    )
    await table.put_setting(connection, setting)
