"""What a stranger wrote stays text in a spreadsheet, in CSV and in workbooks, and comes back as it was."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from unicodedata import category
from uuid import UUID

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.export.cell import guarded, text_of
from gateway.export.csv_file import CsvFile
from gateway.export.entry import Line, Value
from gateway.export.table import Column
from gateway.export.xlsx_file import TEXT_UNITS_MAX, XlsxFile, letters_of

NOBODY: Any = None
STARTERS = "=+-@\t\r\n\0＝＋－＠"
INVISIBLE = " \u00a0\u2003\u3000\ufeff\u200b\u200c\u200d\u2060\u00ad\u202e\x0b\x0c\x1c\x85\x01\u2028"
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

hostile = st.text(st.sampled_from(STARTERS + INVISIBLE + "\"',;<>&_x0AD]a1\U0001f35e"), max_size=12)
texts = st.one_of(hostile, st.text(max_size=50))


def columns_of(values: Sequence[Value]) -> list[Column]:
    def column(value: Value, index: int) -> Column:
        return Column(f"c{index}", lambda _: value)

    return [column(value, index) for index, value in enumerate(values)]


def csv_row(*values: Value, has_bom: bool = False) -> list[str]:
    file = CsvFile(columns_of(values), has_bom=has_bom)
    content = file.begin() + file.add([Line(NOBODY)]) + file.end()
    _, row = csv.reader(io.StringIO(content.decode(), newline=""))
    return row


def workbook(*values: Value, rows: int = 1, rows_max: int = 1000) -> tuple[bytes, Any]:
    file = XlsxFile(columns_of(values), rows_max=rows_max)
    content = file.begin() + file.add([Line(NOBODY)] * rows) + file.end()
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    return content, openpyxl.load_workbook(io.BytesIO(content))


def sheet_row(*values: Value) -> list[Any]:
    """Behind a last cell that is there: openpyxl leaves out rows of nothing."""
    (row,) = workbook(*values, "end")[1].worksheets[0].iter_rows(min_row=2)
    return list(row)[:-1]


def is_harmless(text: str) -> bool:
    """By its own reading of the rule."""
    seen = text.lstrip("".join({char for char in text if category(char)[0] in "ZC"} - set(STARTERS)))
    return not seen or seen[0] not in STARTERS


@given(texts)
def test_a_csv_gives_every_text_back_behind_an_apostrophe_if_it_might_run(text: str) -> None:
    (shown,) = csv_row(text)
    assert shown == (text if is_harmless(text) else f"'{text}")


@given(texts)
def test_a_workbook_gives_every_text_back_that_xml_can_say(text: str) -> None:
    (cell,) = sheet_row(text)
    sayable = FORBIDDEN.sub("", text)
    expected = sayable if is_harmless(sayable) else f"'{sayable}"
    assert unescaped(cell.value or "") == expected
    assert cell.data_type in ("inlineStr", "s", "n"), "n: an empty cell"
    assert cell.value is None or isinstance(cell.value, str)


def unescaped(text: str) -> str:
    """As spreadsheets read a text; openpyxl leaves this to its caller."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


@pytest.mark.parametrize("starter", STARTERS)
@pytest.mark.parametrize("before", ["", *INVISIBLE, "\ufeff \u200b"])
def test_whatever_is_unseen_before_it_a_formula_is_guarded(before: str, starter: str) -> None:
    assert guarded(f"{before}{starter}1+1") == f"'{before}{starter}1+1"


@pytest.mark.parametrize("text", ["", " ", "a=1", "1-2", "'=1", "🍞 = bread", "ß", ".=", '"=1"', "_x003D_1"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


def test_a_control_character_hides_no_formula_in_a_workbook() -> None:
    """It is dropped there, and what it stood before counts."""
    (cell,) = sheet_row("\x01=1+1")
    assert cell.value == "'=1+1"


def test_lists_and_what_only_a_platform_has_are_guarded_as_a_whole() -> None:
    values: tuple[Value, ...] = (("=1", "b"), (), {"a": "=1"}, {})
    assert csv_row(*values) == ["'=1; b", "", '{"a":"=1"}', ""]
    assert [cell.value for cell in sheet_row(*values)] == ["'=1; b", None, '{"a":"=1"}', None]


def test_numbers_are_numbers_and_ids_are_text() -> None:
    west = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(-timedelta(hours=5)))
    values: tuple[Value, ...] = (-5, 2.5, True, False, None, "7012345678901234567", 2**60, UUID(int=1), west)
    shown = "2026-01-02T08:04:05.000006Z"
    ids = ["7012345678901234567", str(2**60), str(UUID(int=1))]
    assert csv_row(*values) == ["-5", "2.5", "true", "false", "", *ids, shown]
    cells = sheet_row(*values)
    assert [cell.value for cell in cells] == [-5, 2.5, True, False, None, *ids, shown]
    assert text_of(float("nan")) == text_of(float("inf")) == ""
    assert text_of(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


def test_every_field_is_quoted_and_every_line_ends_in_crlf() -> None:
    file = CsvFile(columns_of(['a"b', 1]), has_bom=True)
    assert file.begin() == b'\xef\xbb\xbf"c0","c1"\r\n'
    assert file.add([Line(NOBODY), Line(NOBODY)]) == b'"a""b","1"\r\n' * 2
    assert file.end() == b""


def test_half_a_character_breaks_no_file() -> None:
    assert csv_row("a\ud800b") == ["a?b"]
    assert sheet_row("a\ud800b")[0].value == "ab"


@pytest.mark.parametrize("unit", ["a", "🍞"])
def test_a_cell_is_cut_at_what_a_cell_holds(unit: str) -> None:
    text = unit * (TEXT_UNITS_MAX + 5)
    (cell,) = sheet_row(text)
    units = len(cell.value.encode("utf-16-le")) // 2
    assert units in (TEXT_UNITS_MAX, TEXT_UNITS_MAX - 1)
    assert text.startswith(cell.value)
    assert csv_row(text) == [text], "a CSV knows no limit"


def test_a_full_sheet_is_followed_by_another_with_the_same_head() -> None:
    content, book = workbook("a", 1, rows=7, rows_max=4)
    assert book.sheetnames == ["Creators", "Creators 2", "Creators 3"]
    assert [list(sheet.values) for sheet in book] == [
        [("c0", "c1"), *[("a", 1)] * 3],
        [("c0", "c1"), *[("a", 1)] * 3],
        [("c0", "c1"), ("a", 1)],
    ]
    assert zipfile.ZipFile(io.BytesIO(content)).namelist()[0] == "_rels/.rels"


def test_the_head_is_bold_and_stays_in_sight() -> None:
    sheet = workbook("a", "b")[1].worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert [cell.font.b for cell in sheet[1]] == [True, True]
    assert [cell.font.b for cell in sheet[2]] == [False, False]
    assert sheet.column_dimensions["A"].width == 20


def test_nothing_in_a_workbook_runs_or_links() -> None:
    content, _ = workbook('=HYPERLINK("https://x.example")', "https://x.example", "a@example.com")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == [
            "[Content_Types].xml",
            "_rels/.rels",
            "xl/_rels/workbook.xml.rels",
            "xl/styles.xml",
            "xl/workbook.xml",
            "xl/worksheets/sheet1.xml",
        ]
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f" not in sheet
    assert "hyperlink" not in sheet


@pytest.mark.parametrize(("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")])
def test_columns_have_the_names_of_a_spreadsheet(index: int, letters: str) -> None:
    assert letters_of(index) == letters == openpyxl.utils.get_column_letter(index + 1)


def test_what_is_written_is_not_kept() -> None:
    """A workbook of any size takes no more memory than its last rows."""
    file = XlsxFile(columns_of(["x" * 1000]))
    file.begin()
    assert sum(len(file.add([Line(NOBODY)] * 10)) for _ in range(500)) > 0
    assert file._outlet.take() == b""
