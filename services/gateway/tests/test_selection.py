"""Chosen fields: paths that the shape knows, and of a document those alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import CallerError
from gateway.answer.result import RESULT_SHAPE
from gateway.selection import Shape, read_fields

DOCUMENT: dict[str, Any] = {
    "seq": 1,
    "platform": "tiktok",
    "creator": {
        "account": {"handle": "mira", "followers": None, "native": {"some_key": 1}},
        "contact": {"emails": [{"address": "a@example.com", "sources": ["bio"]}, {"address": "b@example.com"}]},
        "likeness": None,
    },
}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("seq", {"seq": 1}),
        ("creator.account.handle,seq", {"seq": 1, "creator": {"account": {"handle": "mira"}}}),
        ("creator.account.followers", {"creator": {"account": {"followers": None}}}),
        ("creator.account.native", {"creator": {"account": {"native": {"some_key": 1}}}}),
        ("creator.contact.emails.sources", {"creator": {"contact": {"emails": [{"sources": ["bio"]}, {}]}}}),
        ("creator.likeness.score", {"creator": {"likeness": None}}),
        ("creator.contact,creator.contact.links", {"creator": {"contact": DOCUMENT["creator"]["contact"]}}),
        ("creator.contact.links,creator.contact", {"creator": {"contact": DOCUMENT["creator"]["contact"]}}),
        ("seq,seq", {"seq": 1}),
    ],
)
def test_a_document_has_what_is_asked_for_where_it_stood(fields: str, shown: dict[str, Any]) -> None:
    selection = read_fields(fields, RESULT_SHAPE)
    assert selection is not None
    assert selection.of(DOCUMENT) == shown


def test_everything_is_there_unless_something_is_asked_for() -> None:
    assert read_fields(None, RESULT_SHAPE) is None


def paths(shape: Shape, prefix: str = "") -> list[str]:
    return [
        path for name, inner in shape.fields.items() for path in (f"{prefix}{name}", *paths(inner, f"{prefix}{name}."))
    ]


ALL = paths(RESULT_SHAPE)


def test_the_shape_is_that_of_the_answer_to_its_last_field() -> None:
    assert {"seq", "foundAt", "creator.account.platformId", "creator.contact.emails.seenAt"} <= set(ALL)
    assert {"creator.content.statistics.views", "creator.likeness.parts.evidence"} <= set(ALL)
    assert not [path for path in ALL if path.startswith("creator.account.native.")]


@given(st.lists(st.sampled_from(ALL) | st.text("abs.,", max_size=9), min_size=1, max_size=6))
def test_a_path_is_known_or_refused_by_its_place(asked: list[str]) -> None:
    text = ",".join(asked)
    strange = [index for index, path in enumerate(text.split(",")) if path not in ALL]
    if not strange:
        assert read_fields(text, RESULT_SHAPE) is not None
        return
    with pytest.raises(CallerError) as caught:
        read_fields(text, RESULT_SHAPE)
    assert caught.value.pointer == f"/fields/{strange[0]}"


def test_who_slips_is_told_what_there_is() -> None:
    with pytest.raises(CallerError, match=r"creator\.likeness has: parts, score"):
        read_fields("creator.likeness.scroe", RESULT_SHAPE)
    with pytest.raises(CallerError, match="an item has: creator, enrichment, foundAt, platform, seq"):
        read_fields("Seq", RESULT_SHAPE)
