"""A workbook as it goes: a zip archive written to a stream, sheets of inline strings, nothing kept.

Libraries write the sheets to temporary files and the archive at the end, so that nothing could be sent before.
Text is text: no formulas, no links; numbers of more digits than a spreadsheet keeps are text too.
"""

import re
from collections.abc import Sequence
from typing import IO, Final
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from gateway.export.cell import guarded, is_text, text_of
from gateway.export.entry import Line, Value
from gateway.export.table import Column

ROWS_MAX: Final = 1_048_576
# An entry of 2 GiB would need ZIP64, which spreadsheets do not read in archives that are written to a stream.
SHEET_BYTES_MAX: Final = 1024**3
TEXT_UNITS_MAX: Final = 32_767
"""What a cell holds, in UTF-16 units; longer text is cut."""
_EXACT_MAX: Final = 2**53
_COMPRESSION: Final = 3

_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES: Final = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_RELATIONS: Final = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
# Long ids are text on purpose: no warning about each.
_SHEET_END: Final = (
    '</sheetData><ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/></ignoredErrors>'
    "</worksheet>"
)
# What XML 1.0 has no way to write.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# In a workbook's text `_x000D_` stands for the character of that number, so its own underscore has to be written so.
_ESCAPE_LIKE: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_SPECIAL: Final = re.compile("[&<>\r]|_x")


class _Outlet:
    """Where the archive is written: what comes is taken out again at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class _Archive(ZipFile):
    def __del__(self) -> None:
        """What is cut off stays without its end; ZipFile would try to write one."""


class XlsxFile:
    """Further sheets follow when one is full."""

    def __init__(self, columns: Sequence[Column], *, rows_max: int = ROWS_MAX) -> None:
        self._columns = columns
        self._letters = [letters_of(index) for index in range(len(columns))]
        self._rows_max = rows_max
        self._outlet = _Outlet()
        self._archive = _Archive(self._outlet, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION)  # pyright: ignore
        self._sheet: IO[bytes] | None = None
        self._sheet_count = 0
        self._row = 0
        self._byte_count = 0

    def begin(self) -> bytes:
        self._archive.writestr("_rels/.rels", _RELATIONS)
        self._archive.writestr("xl/styles.xml", _STYLES)
        self._begin_sheet()
        return self._outlet.take()

    def add(self, lines: Sequence[Line]) -> bytes:
        rows: list[str] = []
        for line in lines:
            if self._row >= self._rows_max or self._byte_count >= SHEET_BYTES_MAX:
                self._write("".join(rows))
                rows.clear()
                self._end_sheet()
                self._begin_sheet()
            rows.append(self._next_row([column.read(line) for column in self._columns]))
        self._write("".join(rows))
        return self._outlet.take()

    def end(self) -> bytes:
        self._end_sheet()
        numbers = range(1, self._sheet_count + 1)
        self._archive.writestr("xl/workbook.xml", _workbook(numbers))
        self._archive.writestr("xl/_rels/workbook.xml.rels", _workbook_relations(numbers))
        self._archive.writestr("[Content_Types].xml", _content_types(numbers))
        self._archive.close()
        return self._outlet.take()

    def _begin_sheet(self) -> None:
        self._sheet_count += 1
        self._row = self._byte_count = 0
        self._sheet = self._archive.open(f"xl/worksheets/sheet{self._sheet_count}.xml", "w")
        names = self._next_row([column.name for column in self._columns], style=' s="1"')
        self._write(_sheet_begin(self._columns) + names)

    def _end_sheet(self) -> None:
        assert self._sheet is not None
        self._write(_SHEET_END)
        self._sheet.close()

    def _next_row(self, values: Sequence[Value], style: str = "") -> str:
        self._row += 1
        cells = (
            _cell(f"{letters}{self._row}", value, style) for letters, value in zip(self._letters, values, strict=True)
        )
        return f'<row r="{self._row}">{"".join(cells)}</row>'

    def _write(self, text: str) -> None:
        assert self._sheet is not None
        self._byte_count += self._sheet.write(text.encode())


def letters_of(index: int) -> str:
    """A column's name: A is the first, AA follows Z."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def sheet_text(text: str) -> str:
    """What a cell holds of a text: what XML can say, guarded, not longer than a cell."""
    return _cut(guarded(_FORBIDDEN.sub("", text)))


def _cell(place: str, value: Value, style: str) -> str:
    """Unknown and empty cells are not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}"{style} t="b"><v>{int(value)}</v></c>'
    text = text_of(value)
    if not text:
        return ""
    if isinstance(value, int | float) and abs(value) < _EXACT_MAX:
        return f'<c r="{place}"{style}><v>{text}</v></c>'
    shown = sheet_text(text) if is_text(value) else text
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{_escaped(shown)}</t></is></c>'


def _escaped(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    # A bare carriage return would be read as a line feed.
    return escape(_ESCAPE_LIKE.sub("_x005F_", text)).replace("\r", "_x000D_")


def _cut(text: str) -> str:
    if len(text) <= TEXT_UNITS_MAX // 2:
        return text
    return text.encode("utf-16-le")[: 2 * TEXT_UNITS_MAX].decode("utf-16-le", "ignore")


def _sheet_begin(columns: Sequence[Column]) -> str:
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{column.width}" customWidth="1"/>'
        for number, column in enumerate(columns, 1)
    )
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData>"
    )


def _workbook(numbers: range) -> str:
    sheets = "".join(
        f'<sheet name="Creators{"" if number == 1 else f" {number}"}" sheetId="{number}" r:id="rId{number}"/>'
        for number in numbers
    )
    return f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _workbook_relations(numbers: range) -> str:
    sheets = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    styles = f'<Relationship Id="rId{len(numbers) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}{styles}</Relationships>'


def _content_types(numbers: range) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{sheets}</Types>'
    )
