"""What the search for profiles tells of a person, and that no profile is bought then."""

from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account, Item
from common.platform import Unparsable
from instagram.profile import PROFILE

Json = dict[str, Any]
Read = Callable[[object], Item | Unparsable]


def told(read: Read, person: Json) -> Account:
    item = read(person)
    assert isinstance(item, Item)
    return item.account


def test_a_person_found_is_known(person: Json, read_person: Read) -> None:
    """With bio and followers, also an empty one and none; so nothing is bought."""
    assert not PROFILE.is_needed(told(read_person, person))
    assert not PROFILE.is_needed(told(read_person, person | {"biography": "", "follower_count": 0}))


@pytest.mark.parametrize("key", ["biography", "follower_count"])
def test_what_is_not_told_is_needed(person: Json, read_person: Read, key: str) -> None:
    """Null is unknown."""
    for odd in (None, []):
        assert PROFILE.is_needed(told(read_person, person | {key: odd}))


@pytest.mark.parametrize(
    ("bio_links", "external_url", "links"),
    [
        ([{"url": "https://a.example/"}], "https://a.example/", ("https://a.example/",)),
        ([{"url": "b.example/x"}, {"url": "https://c.example"}], None, ("https://b.example/x", "https://c.example")),
        ([], "https://a.example/", ("https://a.example/",)),
        ([5, {"url": None}, {"url": "javascript:x"}, {}], "", ()),
        (None, None, ()),
        ("odd", 5, ()),
    ],
)
def test_links_are_those_under_the_bio(
    person: Json, read_person: Read, bio_links: object, external_url: object, links: tuple[str, ...]
) -> None:
    """Each once, whole, and never Instagram's redirect."""
    assert told(read_person, person | {"bio_links": bio_links, "external_url": external_url}).links == links


@pytest.mark.parametrize(("sent", "category"), [("Art", "Art"), ("None", None), (" ", None), ("", None), (None, None)])
def test_no_category_is_unknown(person: Json, read_person: Read, sent: object, category: str | None) -> None:
    """Instagram also writes it as the word."""
    assert told(read_person, person | {"category_name": sent}).category == category


def test_an_empty_name_is_unknown(person: Json, read_person: Read) -> None:
    """Many have none."""
    assert told(read_person, person | {"full_name": ""}).name is None


@pytest.mark.parametrize(
    "changes", [{"id": None}, {"id": 91000000001}, {"id": "0"}, {"username": None}, {"username": "a b"}]
)
def test_without_identity_nobody_is_read(person: Json, read_person: Read, changes: Json) -> None:
    """An id is a string."""
    assert read_person(person | changes) == Unparsable("person without a string id or a handle")


def test_a_numeric_twin_of_the_id_is_read_if_it_is_a_string(person: Json, read_person: Read) -> None:
    """The mobile app calls it `pk`."""
    del person["id"]
    assert told(read_person, person | {"pk": "91000000001"}).platform_id == "91000000001"
