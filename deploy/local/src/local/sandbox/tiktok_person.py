"""What TikTok tells of a person: whether there is one, the profile, and the bio with the person's interests in it."""

from typing import Any

from local.sandbox.answer import Answer, error, members
from local.sandbox.interest import interests
from local.sandbox.person import Absence, Person
from local.sandbox.world import World

AVATAR_URL = (
    "https://p16-common-sign.tiktokcdn-us.com/tos-useast5-avt-0068-tx/{hash}~tplv-tiktokx-cropcenter:{size}:{size}.jpeg"
    "?dr=9640&refresh_token={token}&x-expires=1789797600&x-signature=DEMO%3D&t=4d5b0474&ps=13740610&idc=useast5"
)
COMMERCE_PERCENT = 25


def find(world: World, handle: str | None, uid: str | None) -> Person | Answer:
    """The person, or how the upstream says that there is none: a 404, or a flag in a 200."""
    found = world.find(handle, uid)
    if found is None or found.absence is Absence.STATUS:
        return error(404)
    if found.absence is Absence.FLAG:
        return Answer(members({"accountDoesNotExist": True, "message": "Account doesn't exist"}))
    return found


def told_bio(seed: int, person: Person) -> str:
    """The person's bio behind a line of what the person cares about; who writes nothing writes nothing here either."""
    stronger, weaker = interests(seed, person.number)
    words = list(dict.fromkeys((stronger.words[0], stronger.words[-1], weaker.words[0])))
    return f"{' • '.join(words)}\n{person.bio}" if person.bio else ""


def profile_body(sample: dict[str, Any], person: Person, seed: int) -> dict[str, Any]:
    """The profile of a person who exists, with the keys of the sample and without the envelope."""
    names = {"hash": person.avatar_hash, "token": person.avatar_hash[:8]}
    user: dict[str, Any] = {
        **sample["user"],
        "id": person.uid,
        "uniqueId": person.handle,
        "nickname": person.nickname,
        "avatarLarger": AVATAR_URL.format(size=1080, **names),
        "avatarMedium": AVATAR_URL.format(size=720, **names),
        "avatarThumb": AVATAR_URL.format(size=100, **names),
        "signature": told_bio(seed, person),
        "createTime": created_at(person),
        "verified": person.is_verified,
        "secUid": person.sec_uid,
        "privateAccount": person.is_private,
        "language": person.language,
        "bioLink": {"link": person.bio_link, "risk": 3},
        "commerceUserInfo": _commerce(seed, person),
    }
    if person.bio_link is None:
        del user["bioLink"]
    body: dict[str, Any] = {"user": user, "stats": _rounded(person), "statsV2": _exact(person), "itemList": []}
    if not person.has_exact_stats:
        del body["statsV2"]
    return body


def created_at(person: Person) -> int:
    """When the account was made, in Unix seconds."""
    return 1_500_000_000 + int(person.uid) % 260_000_000


def _commerce(seed: int, person: Person) -> dict[str, object]:
    """A category for business accounts only."""
    if int(person.avatar_hash[:4], 16) % 100 >= COMMERCE_PERCENT:
        return {"commerceUser": False}
    return {"commerceUser": True, "category": interests(seed, person.number)[0].category}


def _counts(person: Person) -> dict[str, int]:
    return {
        "followerCount": person.follower_count,
        "followingCount": person.following_count,
        "heart": person.heart_count,
        "heartCount": person.heart_count,
        "videoCount": person.video_count,
        "diggCount": 0,
        "friendCount": min(person.following_count, 41),
    }


def _rounded(person: Person) -> dict[str, int]:
    """Three digits for big counts, and `heartCount` overflows 32 bits, as seen."""
    counts = {name: _three_digits(count) for name, count in _counts(person).items()}
    counts["heartCount"] = (person.heart_count + 2**31) % 2**32 - 2**31
    return counts


def _exact(person: Person) -> dict[str, str]:
    return {name: str(count) for name, count in _counts(person).items()}


def _three_digits(count: int) -> int:
    unit = 10 ** max(len(str(count)) - 3, 0)
    return count if count < 10_000 else count // unit * unit
