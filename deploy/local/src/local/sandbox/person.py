"""One invented person of the sandbox's world.

Rule: what a person is follows from the seed and the person's number alone.
"""

import re
from dataclasses import dataclass
from enum import Enum

from local.sandbox.bio import write
from local.sandbox.draw import Draw

FIRST_NAMES = (
    "Mira", "Tobin", "Ysolde", "Kesto", "Anouk", "Sol", "Brisa", "Corvin", "Delphi", "Edda", "Fenno", "Gisli",
    "Hanneke", "Iolo", "Jorun", "Katla", "Lumi", "Maelle", "Nerys", "Odalys", "Pim", "Quilla", "Runa", "Sefa",
    "Tamsin", "Ulric", "Vesna", "Wren", "Xanthe", "Yarrow", "Zephy", "Briallen",
)  # fmt: skip
SURNAME_STEMS = (
    "Oven", "Skar", "Parn", "Wren", "Delli", "Bracken", "Thistle", "Quarr", "Ildre", "Jorve", "Kestle", "Lummo",
    "Marlo", "Norro", "Pellu", "Rusko", "Sorra", "Tammo", "Ulver", "Vaske", "Wylo", "Yarro", "Zello", "Hasko",
)  # fmt: skip
SURNAME_ENDS = ("tide", "kle", "fit", "field", "mar", "vale", "wicket", "mere", "lune", "ander", "ovick", "tarn")
REGIONS = ("US", "US", "US", "GB", "GB", "CA", "AU", "FR", "DE", "IE", "BR", "IN")
LANGUAGES = {"FR": "fr", "DE": "de", "BR": "pt"}
DECORATIONS = ("", "", "", " 🥐", " | Strength", " ✨", " • eats", " 🌊", " Official", " & Co")
UID_BASE = 6_800_000_000_000_000_000
UID_SPAN = 800_000_000_000_000_000
UID_STRIDE = 314_159_265_358_979_323  # shares no divisor with the span, so that a uid leads back to its number
UID_STRIDE_BACK = pow(UID_STRIDE, -1, UID_SPAN)


class Absence(Enum):
    """How the profile endpoint says that an account is gone: nobody captured it twice alike."""

    STATUS = "404"
    FLAG = "flag"


class AvatarForm(Enum):
    """The orders of image types seen in `url_list`."""

    WEBP_FIRST = ("webp", "webp", "jpeg")
    HEIC_FIRST = ("heic", "heic", "jpeg")
    WEBP_ONLY = ("webp", "webp")


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    uid: str
    sec_uid: str
    handle: str
    nickname: str
    region: str
    language: str
    bio: str
    email: str | None  # what the bio gives to a careful reader
    bio_link: str | None
    follower_count: int
    following_count: int
    video_count: int
    heart_count: int
    is_verified: bool
    is_private: bool
    absence: Absence | None
    has_exact_stats: bool  # whether the profile carries statsV2
    avatar_hash: str
    avatar_form: AvatarForm


def person(seed: int, number: int) -> Person:
    """The person of this number in this seed's world; uid and handle lead back to the number."""
    chance = Draw(seed, "person", number)
    first, surname = chance.pick(FIRST_NAMES), chance.pick(SURNAME_STEMS) + chance.pick(SURNAME_ENDS)
    handle = _handle(chance, first.lower(), surname.lower(), number)
    bio = write(chance, handle, surname)
    region = chance.pick(REGIONS)
    is_verified = chance.chance(4)
    follower_count = int(10 ** (2.4 + 4.0 * chance.unit() ** 2.5)) * (40 if is_verified else 1)
    avatar_hash = chance.hex(32)
    fate = chance.unit() * 100
    return Person(
        number=number,
        uid=str(UID_BASE + (_uid_start(seed) + number * UID_STRIDE) % UID_SPAN),
        sec_uid=f"MS4wLjABAAAA{chance.hex(32)}{avatar_hash[:31]}",
        handle=handle,
        nickname=f"{first} {surname}{chance.pick(DECORATIONS)}",
        region=region,
        language=LANGUAGES.get(region, "en"),
        bio=bio.text,
        email=bio.email,
        bio_link=_bio_link(chance, handle, surname.lower()) if chance.chance(35) else None,
        follower_count=follower_count,
        following_count=chance.below(1900) + 3,
        video_count=chance.below(1200) + 1,
        heart_count=follower_count * (chance.below(2400) + 4),
        is_verified=is_verified,
        is_private=1 <= fate < 5,
        absence=None if fate >= 1 else Absence.STATUS if fate < 0.5 else Absence.FLAG,
        has_exact_stats=not chance.chance(12),
        avatar_hash=avatar_hash,
        avatar_form=_avatar_form(chance.below(20)),
    )


def number_of_uid(seed: int, uid: str) -> int | None:
    """The number of the person with this uid, in a world without end; None if it is no uid."""
    if not (uid.isascii() and uid.isdigit() and len(uid) == len(str(UID_BASE))):
        return None
    return (int(uid) - UID_BASE - _uid_start(seed)) * UID_STRIDE_BACK % UID_SPAN


def number_of_handle(handle: str) -> int | None:
    """The number at the end of a handle; None if there is none."""
    digits = re.search(r"[0-9]{1,12}\Z", handle)
    return int(digits[0]) if digits else None


def _uid_start(seed: int) -> int:
    return Draw(seed, "uid").below(UID_SPAN)


def _handle(chance: Draw, first: str, surname: str, number: int) -> str:
    joined = chance.pick((f"{first}.{surname}", f"{first}{surname}", f"{surname}_{first}", f"{surname}.{first[0]}"))
    return f"{joined[:16].rstrip('._')}{chance.pick(('', '.', '_'))}{number}"


def _bio_link(chance: Draw, handle: str, surname: str) -> str:
    forms = (
        f"linkin.example/{handle}",
        f"https://{surname}-links.com/{handle}",
        f"http://www.{surname}-shop.co.uk",
        f"{surname}-links.com",
    )
    return chance.pick(forms)


def _avatar_form(number: int) -> AvatarForm:
    if number < 13:
        return AvatarForm.WEBP_FIRST
    return AvatarForm.HEIC_FIRST if number < 18 else AvatarForm.WEBP_ONLY
