"""Instagram's posts: those that the searches list, and the nodes on an account's page.

Rule: every key of a sample stays, with its type; only values change. The same names give the same post.
"""

from datetime import UTC, datetime
from typing import Any

from local.sandbox.answer import load
from local.sandbox.draw import Draw
from local.sandbox.instagram_person import picture_url
from local.sandbox.interest import interests
from local.sandbox.person import Person

NEWEST_AT = 1_789_700_000  # the world's last instant, so that times do not depend on the day of the run
AGE_S = 2 * 365 * 86_400
HIDDEN_LIKES_PERCENT = 15
BARE_PERCENT = 50  # of the owners in a search are told without followers
PINNED_PERCENT = 20
CAPTIONLESS_PERCENT = 12
IMAGE_PERCENT = 35
CAPTIONS = (
    "{word} day ✨",
    "Notes on {word}, part one",
    "What I wish I had known about {word}",
    "{word}, again. Save this for later!",
    "A quiet morning of {word}",
)


class Shelf:
    """Makes the objects; samples are loaded once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._posts = load("instagram_search_hashtag")["posts"][:2]
        self._reels = load("instagram_reels_search")["reels"]
        self._node = load("instagram_profile")["data"]["user"]["edge_owner_to_timeline_media"]["edges"][0]["node"]

    def post(self, person: Person, names: tuple[object, ...], topic: str) -> dict[str, Any]:
        """A post as the hashtag search lists it."""
        return self._listed(self._posts, person, names, topic)

    def reel(self, person: Person, names: tuple[object, ...], topic: str) -> dict[str, Any]:
        """A reel as its search lists it; it tells no views."""
        return self._listed(self._reels, person, names, topic)

    def nodes(self, person: Person, count_max: int) -> list[dict[str, Any]]:
        """The newest posts on a person's page; some have pinned an old one, which comes first."""
        chance = Draw(self._seed, "instagram page", person.number)
        gap_s = (1 + chance.below(12)) * 86_400
        count = min(count_max, person.video_count)
        told = [
            self._own(person, place, NEWEST_AT - place * gap_s - chance.below(gap_s // 2), is_pinned=False)
            for place in range(count)
        ]
        if count == count_max and chance.chance(PINNED_PERCENT):
            told = [self._own(person, count, NEWEST_AT - AGE_S, is_pinned=True), *told[:-1]]
        return told

    def _listed(
        self, samples: list[dict[str, Any]], person: Person, names: tuple[object, ...], topic: str
    ) -> dict[str, Any]:
        chance = Draw(self._seed, "instagram post", *names)
        is_bare = chance.chance(BARE_PERCENT)
        sample = samples[-1] if is_bare else samples[0]
        code = f"D{chance.hex(10)}"
        plays = int(10 ** (2 + 4 * chance.unit()))
        told = {
            **sample,
            "id": _post_id(chance),
            "shortcode": code,
            "url": f"https://www.instagram.com/reel/{code}/",
            "caption": f"{topic}: {_caption(chance, self._seed, person)}",
            "owner": _owner(sample["owner"], person),
            "taken_at": _iso(NEWEST_AT - chance.below(AGE_S)),
            "like_count": -1 if chance.chance(HIDDEN_LIKES_PERCENT) else plays // 20,
            "comment_count": plays // 300,
            "comments": [],
        }
        if "video_play_count" in told:
            told |= {"video_play_count": plays, "video_view_count": 0 if chance.chance(50) else plays // 2}
        return told

    def _own(self, person: Person, place: int, taken_at: int, *, is_pinned: bool) -> dict[str, Any]:
        chance = Draw(self._seed, "instagram node", person.number, place)
        is_image = chance.chance(IMAGE_PERCENT)
        likes = int(10 ** (1 + 3 * chance.unit()))
        text = None if chance.chance(CAPTIONLESS_PERCENT) else _caption(chance, self._seed, person)
        told = {
            **self._node,
            "__typename": "GraphImage" if is_image else "GraphVideo",
            "id": _post_id(chance),
            "shortcode": f"D{chance.hex(10)}",
            "owner": {"id": person.uid, "username": person.handle},
            "is_video": not is_image,
            "video_view_count": likes * 30,
            "edge_media_to_caption": {"edges": [] if text is None else [{"node": {"text": text}}]},
            "edge_media_to_comment": {"count": likes // 30},
            "taken_at_timestamp": taken_at,
            "edge_liked_by": {"count": likes},
            "edge_media_preview_like": {"count": likes},
            "pinned_for_users": [{"id": person.uid, "username": person.handle}] if is_pinned else [],
        }
        absent = ("video_url", "video_view_count", "product_type", "has_audio") if is_image else ()
        return {name: value for name, value in told.items() if name not in absent}


def _owner(sample: dict[str, Any], person: Person) -> dict[str, Any]:
    told = {
        "id": person.uid,
        "username": person.handle,
        "is_verified": person.is_verified,
        "profile_pic_url": picture_url(person, 150),
        "full_name": person.nickname,
        "is_private": person.is_private,
        "is_unpublished": False,
        "follower_count": person.follower_count,
        "post_count": person.video_count,
    }
    return {name: told[name] for name in sample}


def _caption(chance: Draw, seed: int, person: Person) -> str:
    stronger, weaker = interests(seed, person.number)
    liking = stronger if chance.chance(75) else weaker
    tags = dict.fromkeys((chance.pick(liking.hashtags), chance.pick(liking.hashtags)))
    return f"{chance.pick(CAPTIONS).format(word=chance.pick(liking.words))} {' '.join(f'#{tag}' for tag in tags)}"


def _post_id(chance: Draw) -> str:
    return str(3_000_000_000_000_000_000 + chance.below(800_000_000_000_000_000))


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
