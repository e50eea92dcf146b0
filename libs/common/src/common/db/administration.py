"""What administrators read and write: everybody's dead letters, and the dynamic settings with their history. No
statement here carries an owner, so only the command `operate` and the gateway's routes for administrators may use them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from common.db.pool import Connection
from common.domain.job import JobStatus
from common.domain.model import Model


class LetterRow(Model):
    """A dead letter with its search and what became of its job since: None if the job is gone. `resolution` is
    redriven, discarded or retried; None: it is open."""

    id: UUID
    created_at: datetime
    reason: str
    reference: str | None
    details: dict[str, Any]
    job_id: UUID | None
    owner: str | None
    platform: str | None
    job_status: JobStatus | None
    search_id: UUID | None
    kind: str | None
    query: str | None
    step: int | None
    generation: int | None
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


class LetterFilter(Model):
    """Which letters: None leaves a condition out. `before` is the last letter of the page before."""

    ids: list[UUID] | None = None
    job_id: UUID | None = None
    reference: str | None = None
    is_open: bool | None = None
    before: UUID | None = None
    count_max: int = 200


class SettingRow(Model):
    """A setting that does not have its default."""

    category: str
    key: str
    value: Any
    updated_by: str | None
    updated_at: datetime


class NewSetting(Model):
    category: str
    key: str
    value: Any
    description: str
    updated_by: str


class SettingChange(Model):
    """What became of a setting. `was_default` and `is_default` tell a value of null from none."""

    id: UUID
    category: str
    key: str
    was_default: bool
    old_value: Any
    is_default: bool
    new_value: Any
    changed_by: str


class SettingChangeRow(SettingChange):
    changed_at: datetime


class ChangeFilter(Model):
    """Whose history: None: every setting's. `before` is the last change of the page before."""

    category: str | None = None
    key: str | None = None
    before: UUID | None = None
    count_max: int = 50


async def read_letters(connection: Connection, wanted: LetterFilter) -> list[LetterRow]:
    """The letters that fit, the newest first: ids sort by creation. Never prepared: a plan for whatever may be left out
    joins every letter to its job."""
    async with connection.cursor(row_factory=class_row(LetterRow)) as cursor:
        await cursor.execute(
            """select l.id, l.created_at, l.reason, l.details ->> 'reference' as reference, l.details, l.job_id,
                   j.owner, j.platform, j.status as job_status, l.search_id, q.kind, q.query, l.step, l.generation,
                   l.resolved_at, l.resolution, l.resolved_by
               from dead_letters l left join jobs j on j.id = l.job_id left join searches q on q.id = l.search_id
               where (%(ids)s::uuid[] is null or l.id = any(%(ids)s))
                 and (%(job_id)s::uuid is null or l.job_id = %(job_id)s)
                 and (%(reference)s::text is null or l.details ->> 'reference' = %(reference)s)
                 and (%(is_open)s::boolean is null or (l.resolved_at is null) = %(is_open)s)
                 and (%(before)s::uuid is null or l.id < %(before)s)
               order by l.id desc limit %(count_max)s""",
            wanted.model_dump(),
            prepare=False,
        )
        return await cursor.fetchall()


async def lock_settings(connection: Connection) -> None:
    """Let nobody else change a setting until the transaction ends; who reads goes on."""
    await connection.execute("lock table system_settings in share row exclusive mode")


async def list_settings(connection: Connection) -> list[SettingRow]:
    """Every setting that does not have its default, also those that the code does not know."""
    async with connection.cursor(row_factory=class_row(SettingRow)) as cursor:
        await cursor.execute(
            "select category, key, value, updated_by, updated_at from system_settings order by category, key"
        )
        return await cursor.fetchall()


async def put_setting(connection: Connection, setting: NewSetting) -> None:
    await connection.execute(
        """insert into system_settings (category, key, value, description, updated_by)
           values (%(category)s, %(key)s, %(value)s, %(description)s, %(updated_by)s)
           on conflict (category, key) do update
               set value = excluded.value, description = excluded.description, updated_by = excluded.updated_by,
                   updated_at = now()""",
        {**setting.model_dump(), "value": Jsonb(setting.value)},
    )


async def delete_setting(connection: Connection, *, category: str, key: str) -> None:
    """Back to the default."""
    await connection.execute(
        "delete from system_settings where category = %(category)s and key = %(key)s",
        {"category": category, "key": key},
    )


async def insert_setting_change(connection: Connection, change: SettingChange) -> None:
    await connection.execute(
        """insert into setting_changes (id, category, key, old_value, new_value, changed_by)
           values (%(id)s, %(category)s, %(key)s, case when not %(was_default)s then %(old_value)s::jsonb end,
               case when not %(is_default)s then %(new_value)s::jsonb end, %(changed_by)s)""",
        {**change.model_dump(), "old_value": Jsonb(change.old_value), "new_value": Jsonb(change.new_value)},
    )


async def list_setting_changes(connection: Connection, wanted: ChangeFilter) -> list[SettingChangeRow]:
    """The newest first: ids sort by creation."""
    async with connection.cursor(row_factory=class_row(SettingChangeRow)) as cursor:
        await cursor.execute(
            """select id, category, key, old_value is null as was_default, old_value, new_value is null as is_default,
                   new_value, changed_by, changed_at
               from setting_changes
               where (%(category)s::text is null or category = %(category)s)
                 and (%(key)s::text is null or key = %(key)s)
                 and (%(before)s::uuid is null or id < %(before)s)
               order by id desc limit %(count_max)s""",
            wanted.model_dump(),
        )
        return await cursor.fetchall()
