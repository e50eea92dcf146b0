"""Dynamic settings, as the API shows them to administrators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from common.db.administration import SettingChangeRow, SettingRow
from common.domain.setting_key import SettingKey
from gateway.answer.document import Answer

# A number, or a duration in ISO 8601.
Bound = Annotated[Any, msgspec.Meta(extra_json_schema={"type": ["integer", "string", "null"]})]


class SettingAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`value` is what is stored, else the default. `problem` says why a stored value is not in force: by hand it may
    have been stored out of its bounds, or under a key that is not known; such a key has no `type`."""

    category: str
    key: str
    type: str | None
    description: str | None
    default: Any
    minimum: Bound
    maximum: Bound
    nullable: bool
    value: Any
    overridden: bool
    problem: str | None
    updated_by: str | None
    updated_at: datetime | None

    @classmethod
    def of(cls, setting: SettingKey, row: SettingRow | None) -> "SettingAnswer":
        return cls(
            category=setting.category,
            key=setting.key,
            type=setting.type.value,
            description=setting.description,
            default=setting.default,
            minimum=setting.minimum,
            maximum=setting.maximum,
            nullable=setting.is_nullable,
            value=setting.default if row is None else row.value,
            overridden=row is not None,
            problem=None if row is None or setting.is_valid(row.value) else f"must be {setting.takes}",
            updated_by=row.updated_by if row else None,
            updated_at=row.updated_at if row else None,
        )

    @classmethod
    def of_unknown(cls, row: SettingRow) -> "SettingAnswer":
        return cls(
            category=row.category,
            key=row.key,
            type=None,
            description=None,
            default=None,
            minimum=None,
            maximum=None,
            nullable=False,
            value=row.value,
            overridden=True,
            problem="is not a known setting",
            updated_by=row.updated_by,
            updated_at=row.updated_at,
        )


class SettingList(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[SettingAnswer]


class SettingChangeAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """The default was in force before if not `was_overridden`, and is since if not `is_overridden`; then the value
    beside it is null."""

    was_overridden: bool
    old_value: Any
    is_overridden: bool
    new_value: Any
    changed_by: str
    changed_at: datetime

    @classmethod
    def of(cls, row: SettingChangeRow) -> "SettingChangeAnswer":
        return cls(
            was_overridden=not row.was_default,
            old_value=row.old_value,
            is_overridden=not row.is_default,
            new_value=row.new_value,
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )


class SettingChangePage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[SettingChangeAnswer]
    next_cursor: str | None


class SettingDetailAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    setting: SettingAnswer
    history: SettingChangePage
