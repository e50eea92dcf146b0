"""What strangers wrote, made fit for a spreadsheet and a terminal."""

import csv
from pathlib import Path

import pytest

from local.client import Creator
from local.sheet import one_line, safe, write_csv


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\0=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        "  =1",
        "\ufeff=1",
        "\u200b=1",
        "\u200d \ufeff@x",
        "\u00a0=1",
    ],
)
def test_a_formula_is_disarmed(text: str) -> None:
    assert safe(text) == "'" + text


@pytest.mark.parametrize(("value", "text"), [("vegan = good", "vegan = good"), (None, ""), (12, "12"), ("", "")])
def test_anything_else_is_left_alone(value: object, text: str) -> None:
    assert safe(value) == text


def test_a_terminal_gets_one_plain_line() -> None:
    assert one_line("a\n\tb \x1b[31mred\x07") == "a b [31mred"
    assert len(one_line("x" * 500)) == 60


def test_the_file_has_a_row_per_creator_and_unknown_is_empty(tmp_path: Path) -> None:
    bad = "=cmd()"
    creator = Creator("cook", None, None, None, ("a@b.example", "c@d.example"), bad, {}, ("vegan", "soup"), "TikTok")
    path = tmp_path / "out" / "creators.csv"
    write_csv(path, [creator])
    [row] = csv.DictReader(path.open(newline="", encoding="utf-8"))
    assert row["handle"] == "cook"
    assert row["followers"] == row["views"] == row["name"] == ""
    assert row["bio"] == "'=cmd()"
    assert row["emails"] == "a@b.example c@d.example"
    assert row["profile_url"] == "https://www.tiktok.com/@cook"
    assert path.read_text().splitlines()[0].startswith('"platform","handle"')
