"""The YouTube channel of an invented person.

Rule: the channel follows from the seed and the person alone, and its id leads back to the person.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from local.sandbox.draw import Draw
from local.sandbox.interest import Interest, interests
from local.sandbox.person import Person, number_of_handle, number_of_uid
from local.sandbox.world import World

ID_PATTERN = re.compile(r"UC[0-9A-Za-z_-]{22}")
FOREIGN_STEMS = ("カレン", "冷たい台所", "кухня", "été.doux", "रसोई")
NO_HANDLE_PERCENT = 8
FOREIGN_HANDLE_PERCENT = 12
HIDDEN_COUNT_PERCENT = 2
NO_COUNTRY_PERCENT = 25
NO_KEYWORDS_PERCENT = 30
INSTAGRAM_PERCENT = 40
COUNTRIES = {
    "US": "United States", "GB": "United Kingdom", "CA": "Canada", "AU": "Australia", "FR": "France",
    "DE": "Germany", "IE": "Ireland", "BR": "Brazil", "IN": "India",
}  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIRST_JOINED_AT = 1_140_000_000  # 2006
JOINED_SPAN_S = 550_000_000
PICTURE_URL = "https://yt3.ggpht.com/DEMO{hash}=s{size}-c-k-c0x00ffffff-no-rj"


@dataclass(frozen=True, slots=True)
class Channel:
    """What YouTube knows of a person. `handle` is in its own letters; None is a channel that has none."""

    id: str
    person: Person
    handle: str | None
    interests: tuple[Interest, Interest]
    keywords: tuple[str, ...]
    subscriber_count: int | None  # rounded to three digits, as YouTube does; None if it is hidden
    country: str | None

    @property
    def search_handle(self) -> str:
        """As searches write it: percent-encoded, or the path of a page if there is no handle."""
        return f"channel/{self.id}" if self.handle is None else quote(self.handle, safe="")

    @property
    def page_url(self) -> str:
        name = f"channel/{self.id}" if self.handle is None else f"@{quote(self.handle)}"
        return f"http://www.youtube.com/{name}"

    def picture_url(self, size: int) -> str:
        return PICTURE_URL.format(hash=self.person.avatar_hash[:24], size=size)


def channel(world: World, number: int) -> Channel:
    """The channel of the person of this number."""
    person = world.person(number)
    chance = Draw(world.seed, "channel", number)
    likings = interests(world.seed, number)
    return Channel(
        id=channel_id(world.seed, person),
        person=person,
        handle=_handle(chance, person),
        interests=likings,
        keywords=() if chance.chance(NO_KEYWORDS_PERCENT) else _keywords(likings, person),
        subscriber_count=None if chance.chance(HIDDEN_COUNT_PERCENT) else three_digits(person.follower_count),
        country=None if chance.chance(NO_COUNTRY_PERCENT) else COUNTRIES[person.region],
    )


def channel_id(seed: int, person: Person) -> str:
    """`UC` and 22 characters: the uid behind a mask, and a check."""
    mask, check = _mask(seed), Draw(seed, "channel id", person.uid).hex(16)
    whole = (int(person.uid) ^ mask).to_bytes(8, "big") + bytes.fromhex(check)
    return "UC" + base64.urlsafe_b64encode(whole).decode().rstrip("=")


def find(world: World, named: str) -> Channel | None:
    """The channel of this id, handle (any case, with or without @) or name of a page (`@x`, `channel/UC…`, `c/x`)."""
    kind, _, rest = named.rpartition("/")
    if kind == "channel" or (not kind and ID_PATTERN.fullmatch(rest)):
        return _find_id(world, rest)
    wanted = rest.lower().lstrip("@")
    found = _of_number(world, number_of_handle(wanted)) if kind in ("", "c", "user") else None
    return found if found is not None and found.handle is not None and found.handle.lower() == wanted else None


def find_page(world: World, url: str) -> Channel | None:
    """The channel of the page at this address."""
    return find(world, unquote(urlsplit(url).path).strip("/"))


def body(sample: dict[str, Any], one: Channel) -> dict[str, Any]:
    """The channel endpoint's answer without the envelope: the keys of the sample, less what the vendor leaves out."""
    person, chance = one.person, Draw("channel body", one.id)
    views = person.heart_count * 3
    told: dict[str, Any] = {
        **{
            name: value
            for name, value in sample.items()
            if name not in ("success", "credits_remaining", "credits_charged")
        },
        "channelId": one.id,
        "channel": one.page_url,
        "handle": f"@{one.handle}",
        "isVerified": person.is_verified,
        "name": person.nickname,
        "description": description(one),
        "subscriberCount": one.subscriber_count,
        "subscriberCountText": shown(one.subscriber_count or 0) + " subscribers",
        "videoCountText": f"{person.video_count:,} videos",
        "videoCount": person.video_count,
        "viewCountText": f"{views:,} views",
        "viewCount": views,
        "joinedDateText": _joined(person),
        "tags": ", ".join(f'"{word}"' if " " in word else word for word in one.keywords),
        "email": person.email,
        "country": one.country,
        "instagram": f"https://instagram.com/{person.handle}.demo" if chance.chance(INSTAGRAM_PERCENT) else None,
        "store": person.bio_link,
        "keywords": list(one.keywords),
        "avatar": {**sample["avatar"], "image": {"sources": _sources(one)}},
    }
    told["links"] = [told[name] for name in ("instagram", "store") if told[name] is not None]
    absent = [name for name in ("country", "instagram", "store") if told[name] is None]
    if one.handle is None:
        absent.append("handle")
    if one.subscriber_count is None:
        absent += ["subscriberCount", "subscriberCountText"]
    if chance.chance(50):  # not everybody writes the address of the bio into its field
        absent.append("email")
    elif chance.chance(20):
        told["email"] = None
    return {name: value for name, value in told.items() if name not in absent}


def description(one: Channel) -> str:
    """The bio and what the videos are about; an empty bio stays empty."""
    if not one.person.bio:
        return ""
    about = " and ".join(dict.fromkeys(f"{liking.words[0]} {liking.words[1]}" for liking in one.interests))
    return f"{one.person.bio}\nVideos about {about}."


def shown(count: int) -> str:
    """A count as YouTube shortens it."""
    for unit, size in (("M", 1_000_000), ("K", 1_000)):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)


def three_digits(count: int) -> int:
    unit = 10 ** max(len(str(count)) - 3, 0)
    return count // unit * unit


def _mask(seed: int) -> int:
    return Draw(seed, "channel mask").below(2**63)


def _find_id(world: World, text: str) -> Channel | None:
    if not ID_PATTERN.fullmatch(text):
        return None
    uid = int.from_bytes(base64.urlsafe_b64decode(text[2:] + "==")[:8], "big") ^ _mask(world.seed)
    found = _of_number(world, number_of_uid(world.seed, str(uid)))
    return found if found is not None and found.id == text else None


def _of_number(world: World, number: int | None) -> Channel | None:
    return None if number is None or number >= world.population else channel(world, number)


def _handle(chance: Draw, person: Person) -> str | None:
    kind = chance.unit() * 100
    if kind < NO_HANDLE_PERCENT:
        return None
    if kind < NO_HANDLE_PERCENT + FOREIGN_HANDLE_PERCENT:
        return f"{chance.pick(FOREIGN_STEMS)}-{person.number}"
    return person.handle


def _keywords(likings: tuple[Interest, Interest], person: Person) -> tuple[str, ...]:
    """The own name among them, as people do."""
    first, second = likings
    words = (f"{first.words[0]} {first.words[1]}", *first.words, second.words[0], person.nickname.split(" |")[0])
    return tuple(dict.fromkeys(words))


def _joined(person: Person) -> str:
    day = datetime.fromtimestamp(FIRST_JOINED_AT + int(person.uid) % JOINED_SPAN_S, UTC)
    return f"Joined {MONTHS[day.month - 1]} {day.day}, {day.year}"


def _sources(one: Channel) -> list[dict[str, Any]]:
    return [{"url": one.picture_url(size), "width": size, "height": size} for size in (72, 120, 160)]
