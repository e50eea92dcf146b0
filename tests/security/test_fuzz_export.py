"""Creators made of whatever a stranger may write, taken out in every format: it comes back, and nothing in it runs."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unicodedata import category
from uuid import UUID

import openpyxl
import pytest
from hypothesis import strategies as st

from common.domain.creator import (
    Account,
    Contact,
    Content,
    Creator,
    Email,
    EmailSource,
    Match,
    OtherAccount,
    Statistics,
)
from common.domain.job import PlatformName
from common.domain.text import clean_text
from gateway.export.entry import Entry
from gateway.export.form import Form, make_file
from gateway.export.table import Preset, Subject, table_of

from .fuzzing import hunt

pytestmark = pytest.mark.timeout(900)

NOBODY: Any = None
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STARTERS = "=+-@\t\r\n\0＝＋－＠"
UNSEEN = " \u00a0\u2003\u3000\ufeff\u200b\u200d\u2060\u00ad\u202e\x0b\x1c\x85\x01\u2028"
PIECES = st.sampled_from(
    [
        *STARTERS,
        *UNSEEN,
        *"\"',;<>&]a1\U0001f35e\ufffe",
        *("_x000D_", "_x003D_", "]]>", "<f>1+1</f>", "&#61;", "=cmd|' /C calc'!A0", '=HYPERLINK("http://a")', "\r\n=1"),
        *('"=1', "';", "sep=;", "ID;", "DDE", "http://a.example/", "mailto:a@b.example", "1e999", "007", "TRUE"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=60)).map(
    lambda text: clean_text(text) or ""
)
COUNTS = st.one_of(st.none(), st.integers(0, 2**63 - 1))
MAYBE = st.one_of(st.none(), TEXTS)
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
SOURCES = st.lists(st.sampled_from(EmailSource), min_size=1, max_size=2, unique=True).map(tuple)
TIMES = st.builds(lambda days: NOW + timedelta(days=days), st.floats(-10_000, 10_000))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS), lambda inner: st.lists(inner, max_size=2)
)

ACCOUNTS = st.builds(
    Account,
    platform_id=TEXTS,
    handle=TEXTS,
    name=MAYBE,
    url=MAYBE,
    followers=COUNTS,
    verified=st.one_of(st.none(), st.booleans()),
    bio=MAYBE,
    avatar_url=MAYBE,
    links=LISTS,
    topics=LISTS,
    hashtags=LISTS,
    category=MAYBE,
    created_at=st.one_of(st.none(), TIMES),
    native=st.dictionaries(TEXTS, JSON, max_size=2),
)
CREATORS = st.builds(
    Creator,
    account=ACCOUNTS,
    contact=st.builds(
        Contact,
        emails=st.lists(st.builds(Email, address=TEXTS, sources=SOURCES, seen_at=TIMES), max_size=3).map(tuple),
        links=LISTS,
        accounts=st.lists(st.builds(OtherAccount, platform=TEXTS, handle=TEXTS, url=TEXTS), max_size=2).map(tuple),
    ),
    content=st.one_of(
        st.none(),
        st.builds(
            Content,
            platform_id=TEXTS,
            text=MAYBE,
            url=MAYBE,
            hashtags=LISTS,
            mentions=LISTS,
            statistics=st.builds(Statistics, views=COUNTS, likes=COUNTS),
        ),
    ),
    matched=st.builds(Match, kind=TEXTS, query=TEXTS),
)


def is_harmless(text: str) -> bool:
    """By its own reading of the rule: the first thing that is seen begins no formula."""
    seen = text.lstrip("".join({char for char in text if category(char)[0] in "ZC"} - set(STARTERS)))
    return not seen or seen[0] not in STARTERS


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", text) is not None


def check(wish: tuple[list[Creator], Preset, Subject, Form]) -> None:
    creators, preset, subject, form = wish
    entries = [
        Entry(
            platform=PlatformName.TIKTOK,
            creator=creator,
            found_at=NOW,
            last_found_at=NOW,
            job_ids=(UUID(int=1),),
            answer=NOBODY,
            seq=1,
        )
        for creator in creators
    ]
    table = table_of(preset, subject)
    lines = [line for entry in entries for line in table.lines(entry)]
    if form is Form.JSONL:  # in full it is the API's own documents
        preset = Preset.OUTREACH
    file = make_file(form, table, preset, has_bom=False)
    content = file.begin() + file.add(lines) + file.end()
    CHECKS[form](content, [column.name for column in table.columns], len(lines))


def check_csv(content: bytes, names: list[str], count: int) -> None:
    head, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    assert (head, len(rows)) == (names, count)
    for row in rows:
        assert len(row) == len(names)
        assert all(is_harmless(cell) or is_number(cell) for cell in row)


def check_workbook(content: bytes, names: list[str], count: int) -> None:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert not any("external" in name.lower() or "vba" in name.lower() for name in archive.namelist())
    for name in archive.namelist():
        if name.startswith("xl/worksheets/"):
            assert not re.search(rb"<(f|hyperlink|drawing|oleObject)\b", archive.read(name))
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    head, *rows = sheet.iter_rows()
    assert [cell.value for cell in head] == names
    assert len(rows) <= count  # openpyxl leaves out rows of nothing
    for cell in (cell for row in rows for cell in row):
        assert cell.data_type != "f"
        assert cell.hyperlink is None
        assert not isinstance(cell.value, str) or is_harmless(cell.value)


def check_lines(content: bytes, names: list[str], count: int) -> None:
    *documents, end = content.split(b"\n")
    assert (len(documents), end) == (count, b"")
    assert all(list(json.loads(document)) == names for document in documents)


CHECKS = {Form.CSV: check_csv, Form.XLSX: check_workbook, Form.JSONL: check_lines}


def test_any_creator_can_be_taken_out_and_nothing_runs(record_property: Callable[[str, object], None]) -> None:
    wishes = st.tuples(
        st.lists(CREATORS, max_size=2), st.sampled_from(Preset), st.sampled_from(Subject), st.sampled_from(Form)
    )
    record_property("told", hunt(check, wishes, target="exports"))
