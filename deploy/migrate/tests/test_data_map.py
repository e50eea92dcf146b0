"""The data map names every table that there is, so that no later one is kept without an end."""

import re
from pathlib import Path

import psycopg
import pytest

from common.domain.retention import DataClass
from common.domain.setting import RetentionSettings

pytestmark = [pytest.mark.server, pytest.mark.security]

MAP = (Path(__file__).parents[3] / "docs" / "data-map.md").read_text(encoding="utf-8")
ROWS = [line for line in MAP.splitlines() if line.startswith("| `")]


def test_every_table_has_one_row_in_the_map(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    assert sorted(re.findall(r"^\| `(\w+)` \|", MAP, re.MULTILINE)) == sorted(name for (name,) in tables)
    assert [row for row in ROWS if row.count(" | ") != 4] == []


def test_every_class_and_setting_of_retention_is_in_the_map() -> None:
    assert [data.value for data in DataClass if f"(`{data.value}`)" not in MAP] == []
    assert [key for key in RetentionSettings.model_fields if f"`retention.{key}`" not in MAP] == []


def test_no_table_keeps_what_the_upstream_answered(database_url: str) -> None:
    """Raw answers are read in memory: no column could hold one but those whose content the map tells."""
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            """select table_name || '.' || column_name from information_schema.columns
               where table_schema = 'public' and data_type in ('json', 'jsonb', 'bytea')"""
        ).fetchall()
    assert {name for (name,) in columns} == {
        "candidates.details",
        "dead_letters.details",
        "job_events.data",
        "jobs.filters",
        "jobs.input",
        "jobs.target",
        "platform_states.handles",
        "profiles.account",
        "setting_changes.new_value",
        "setting_changes.old_value",
        "suppressions.digest",
        "system_settings.value",
    }
