"""What the notes on the API say of jobs and their filters is so."""

import json
import re
from pathlib import Path

import pytest

from common.domain.filter import FilterName
from gateway.body import FiltersBody, JobBody, LimitsBody, ScrapingBody, read_body
from gateway.idempotency import read_key
from gateway.problem import Kind
from instagram.table import INSTAGRAM
from tiktok.table import TIKTOK
from youtube.table import YOUTUBE

NOTES = (Path(__file__).parents[3] / "docs" / "api-notes.md").read_text(encoding="utf-8")


def test_the_example_is_a_body_with_every_field_of_the_filters() -> None:
    found = re.search(r"POST [^\n]+\n(\{.*?\n\})\n```", NOTES, re.DOTALL)
    assert found is not None
    given = read_body(ScrapingBody, found[1].encode())
    assert given.filters is not None
    assert given.filters.model_fields_set == set(FiltersBody.model_fields)
    assert set(json.loads(found[1])["filters"]) == {*FilterName, "unknown"}


def test_the_example_of_a_creation_is_a_body_with_a_key_and_every_limit() -> None:
    found = re.search(r"POST /api/v1/jobs\nIdempotency-Key: ([^\n]+)\n\n(\{.*?\n\})\n```", NOTES, re.DOTALL)
    assert found is not None
    given = read_body(JobBody, found[2].encode())
    assert given.wish().keywords == ("vegan food", "#plantbased")
    assert set(JobBody.model_fields) - given.model_fields_set == {"target"}
    assert given.limits is not None
    assert given.limits.model_fields_set == set(LimitsBody.model_fields)
    assert read_key(found[1], given) is not None


@pytest.mark.parametrize("kind", sorted(set(re.findall(r"/problems/([a-z-]+)", NOTES))))
def test_a_kind_of_problem_that_the_notes_name_is_one(kind: str) -> None:
    assert kind in {known.value.slug for known in Kind}


@pytest.mark.parametrize("platform", [INSTAGRAM, TIKTOK, YOUTUBE], ids=lambda platform: platform.name)
def test_each_platform_has_the_filters_that_the_notes_say(platform: object) -> None:
    found = re.search(rf"^\| {platform.name} \| all(.*) \|$", NOTES, re.MULTILINE)
    assert found is not None
    assert set(FilterName) - platform.filters == set(re.findall(r"`(\w+)`", found[1]))


def test_every_filter_has_its_row() -> None:
    rows = "\n".join(line for line in NOTES.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) >= set(FilterName)
