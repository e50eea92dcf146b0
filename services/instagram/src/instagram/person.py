"""Instagram's user object, as the owner of a post, as a related profile and as found by the search for profiles.

The keys are the same everywhere; what an endpoint does not tell is absent.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw
from pydantic import JsonValue

from common.domain.creator import Account, Item
from common.platform import Unparsable
from common.reading.body import decoded
from common.reading.link import completed_url, web_url
from common.reading.scalar import ABSENT, read_count, read_flag, read_identifier, read_string, read_text
from instagram.page import ELEMENTS

NOT_A_PERSON: Final = Unparsable("not a person")
NO_IDENTITY: Final = Unparsable("person without a string id or a handle")

NO_CATEGORY: Final = "None"
"""How Instagram writes that a business has none."""


class Person(msgspec.Struct, frozen=True, gc=False):
    """`follower_count` and `post_count` of an owner came and went; a related profile has neither counts nor a bio."""

    id: Raw = ABSENT
    pk: Raw = ABSENT
    username: Raw = ABSENT
    full_name: Raw = ABSENT
    biography: Raw = ABSENT
    bio_links: Raw = ABSENT
    external_url: Raw = ABSENT
    is_private: Raw = ABSENT
    is_verified: Raw = ABSENT
    is_business_account: Raw = ABSENT
    is_professional_account: Raw = ABSENT
    category_name: Raw = ABSENT
    profile_pic_url: Raw = ABSENT
    follower_count: Raw = ABSENT
    following_count: Raw = ABSENT
    media_count: Raw = ABSENT
    post_count: Raw = ABSENT


class BioLink(msgspec.Struct, frozen=True, gc=False):
    """A link under the bio; `lynx_url` beside it is the same behind Instagram's redirect and not read."""

    url: Raw = ABSENT


PERSON: Final = msgspec.json.Decoder(Person)
_BIO_LINK: Final = msgspec.json.Decoder(BioLink)


def read_person(person: Person) -> Account | None:
    """The account, None without its string id and handle."""
    platform_id = read_identifier(person.id) or read_identifier(person.pk)
    handle = read_identifier(person.username)
    if platform_id is None or handle is None:
        return None
    return Account(
        platform_id=platform_id,
        handle=handle,
        name=read_text(person.full_name) or None,
        url=page_of(handle),
        followers=read_count(person.follower_count),
        following=read_count(person.following_count),
        posts=first_count(person.media_count, person.post_count),
        verified=read_flag(person.is_verified),
        private=read_flag(person.is_private),
        bio=read_text(person.biography),
        avatar_url=web_url(read_string(person.profile_pic_url)),
        links=_links(person),
        category=read_category(person.category_name),
        native=known_only(
            is_business_account=read_flag(person.is_business_account),
            is_professional_account=read_flag(person.is_professional_account),
        ),
    )


def read_person_item(raw: Raw) -> Item | Unparsable:
    """An element of a list of people."""
    person = decoded(PERSON, raw)
    if person is None:
        return NOT_A_PERSON
    account = read_person(person)
    return NO_IDENTITY if account is None else Item(item_id=account.platform_id, account=account)


def page_of(handle: str) -> str:
    """The address of an account's page."""
    return f"https://www.instagram.com/{quote(handle, safe='')}/"


def first_count(*told: Raw) -> int | None:
    """The first that is a count."""
    return next((count for count in map(read_count, told) if count is not None), None)


def read_category(*told: Raw) -> str | None:
    """The first that is a category."""
    texts = ((read_text(raw) or "").strip() for raw in told)
    return next((text for text in texts if text and text != NO_CATEGORY), None)


def known_only(**told: JsonValue) -> dict[str, JsonValue]:
    return {name: value for name, value in told.items() if value is not None}


def _links(person: Person) -> tuple[str, ...]:
    """Those under the bio, each once; the first of them is `external_url` too."""
    told = [link.url for raw in decoded(ELEMENTS, person.bio_links) or () if (link := decoded(_BIO_LINK, raw))]
    return _whole(read_string(raw) for raw in (*told, person.external_url))


def _whole(written: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url for text in written if text and (url := completed_url(text))))
