"""Videos, shorts and other things on YouTube's pages: the sample's objects with other values.

Rule: every key of the sample stays, with its type; only values change. The same names give the same video.
"""

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from local.sandbox.answer import load
from local.sandbox.draw import Draw
from local.sandbox.interest import Interest
from local.sandbox.youtube_channel import Channel, shown

NEWEST_AT = 1_789_700_000  # the world's last instant, so that times do not depend on the day of the run
AGE_S = 2 * 365 * 86_400
PACIFIC = timezone(timedelta(hours=-7))
TITLES = (
    "I tried {topic} for a month",
    "{topic}: what nobody tells you",
    "My {topic} setup",
    "{topic} for beginners",
    "Why I love {topic}",
    "{topic}, start to finish",
    "A quiet day of {topic}",
    "£20 {topic} vs £200 {topic}",
)
TAGGED_PERCENT = 40
UNDATED_PERCENT = 7  # publishedTime is null in 2 of 30
SHELF_TITLE = "Shorts"


class Shelf:
    """Makes the objects; samples are loaded once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._plain = load("youtube_search")["videos"][0]
        self._extras = load("youtube_search_extras")["videos"][0]
        self._bare = next(short for short in load("youtube_search")["shorts"] if "channel" not in short)
        self._found = load("youtube_search_channels")

    def video(self, one: Channel, names: tuple[object, ...], topic: str, *, has_extras: bool) -> dict[str, Any]:
        """A video about the topic; its date is drawn."""
        chance = Draw(self._seed, "youtube video", *names)
        published_at = NEWEST_AT - chance.below(AGE_S)
        return self._video(one, chance, topic, published_at, has_extras=has_extras)

    def own_video(self, one: Channel, place: int) -> dict[str, Any]:
        """The video at this place of the channel's list, the newest first; with extras, as seen without asking."""
        chance = Draw(self._seed, "youtube own video", one.id, place)
        gap = 1 + Draw(self._seed, "youtube pace", one.id).below(20)
        published_at = NEWEST_AT - (place * gap * 86_400 + chance.below(86_400))
        return self._video(one, chance, topic_of(chance, one), published_at, has_extras=True)

    def short(self, one: Channel, names: tuple[object, ...], topic: str) -> dict[str, Any]:
        """A short with its channel, in the shape of a video without extras."""
        told = self.video(one, names, topic, has_extras=False)
        seconds = 8 + len(told["title"]) % 50
        return {
            **told,
            "type": "short",
            "title": f"{topic} #shorts",
            "lengthSeconds": seconds,
            "lengthText": f"0:{seconds:02}",
        }

    def bare_short(self, names: tuple[object, ...], topic: str) -> dict[str, Any]:
        """A short that names nobody."""
        chance = Draw(self._seed, "youtube bare short", *names)
        views = (1 + chance.below(900)) * 1_000
        identity = _video_id(chance)
        return {
            **self._bare,
            "id": identity,
            "url": f"https://www.youtube.com/watch?v={identity}",
            "title": f"{topic} #shorts",
            "viewCountText": shown(views),
            "viewCountInt": views,
        }

    def card(self, one: Channel) -> dict[str, Any]:
        """A channel as a search finds it: a snippet, a rounded count, a badge only if there is one."""
        about = " and ".join(one.interests[0].words[:2])
        told = {
            **self._found["channels"][0],
            "id": one.id,
            "channelName": one.person.nickname,
            "handle": one.search_handle,
            "description": f"Videos about {about} and …",
            "thumbnail": one.picture_url(176).replace("https:", "http:"),
            "subscriberCountText": shown(one.subscriber_count or 0),
            "subscriberCountInt": one.subscriber_count,
        }
        if one.subscriber_count is None:
            del told["subscriberCountText"], told["subscriberCountInt"]
        if not one.person.is_verified:
            del told["badges"]
        return told

    def playlist(self, one: Channel, topic: str) -> dict[str, Any]:
        sample = self._found["playlists"][0]
        identity = "PL" + Draw(self._seed, "youtube playlist", one.id, topic).hex(32)
        owner = {"id": one.id, "title": one.person.nickname, "handle": one.search_handle, "channelUrl": one.page_url}
        return {
            **sample,
            "id": identity,
            "title": f"Everything {topic}",
            "playlistUrl": f"https://www.youtube.com/playlist?list={identity}",
            "channel": owner,
        }

    def _video(self, one: Channel, chance: Draw, topic: str, published_at: int, *, has_extras: bool) -> dict[str, Any]:
        views = int(10 ** (2 + 4 * chance.unit()))
        seconds = 90 + chance.below(2400)
        identity = _video_id(chance)
        told = {
            **self._plain,
            "id": identity,
            "url": f"https://www.youtube.com/watch?v={identity}",
            "title": _title(chance, topic, one.interests[0]),
            "thumbnail": f"https://i.ytimg.com/vi/{identity}/hq720.jpg?sqp=DEMO&rs=DEMO",
            "channel": {
                "id": one.id,
                "title": one.person.nickname,
                "handle": one.search_handle,
                "thumbnail": one.picture_url(68),
            },
            "viewCountText": f"{views:,}" if has_extras else f"{views:,} views",
            "viewCountInt": views,
            **_vague_time(chance, published_at),
            "lengthText": f"{seconds // 60}:{seconds % 60:02}",
            "lengthSeconds": seconds,
            "badges": ["4K"] if chance.chance(30) else [],
        }
        return {**told, **self._told_by_extras(one, chance, views, published_at)} if has_extras else told

    def _told_by_extras(self, one: Channel, chance: Draw, views: int, published_at: int) -> dict[str, Any]:
        likes, comments = views * (1 + chance.below(9)) // 100, views // 900
        seconds = 90 + chance.below(2400)
        tags = " ".join(f"#{tag}" for tag in one.interests[0].hashtags[:2])
        names = [name for name in self._extras if name not in self._plain]
        told = {
            "description": f"Thanks for watching! New video every week.\n{tags}",
            "commentCountText": shown(comments),
            "commentCountInt": comments if comments < 1000 else comments // 100 * 100,
            "likeCountInt": likes,
            "likeCountText": str(likes),
            "publishDate": datetime.fromtimestamp(published_at, PACIFIC).isoformat(),
            "genre": chance.pick(("Howto & Style", "People & Blogs", "Entertainment")),
            "durationMs": seconds * 1000,
            "durationFormatted": f"00:{seconds // 60:02}:{seconds % 60:02}",
        }
        return {name: told[name] for name in names}


def topic_of(chance: Draw, one: Channel) -> str:
    """Two words of one of the channel's interests, mostly the stronger one."""
    liking = one.interests[0] if chance.chance(75) else one.interests[1]
    return f"{liking.words[0]} {liking.words[1]}" if chance.chance(60) else chance.pick(liking.words)


def _title(chance: Draw, topic: str, liking: Interest) -> str:
    title = chance.pick(TITLES).format(topic=topic)
    return f"{title} #{chance.pick(liking.hashtags)}" if chance.chance(TAGGED_PERCENT) else title


def _video_id(chance: Draw) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(chance.hex(16))).decode().rstrip("=")


def _vague_time(chance: Draw, published_at: int) -> dict[str, str | None]:
    """As the page says it, and the instant that the vendor computes from that: off by up to weeks."""
    if chance.chance(UNDATED_PERCENT):
        return {"publishedTimeText": None, "publishedTime": None}
    days = (NEWEST_AT - published_at) // 86_400
    for unit, length in (("year", 365), ("month", 30), ("week", 7), ("day", 1)):
        count = days // length
        if count or unit == "day":
            computed = datetime.fromtimestamp(NEWEST_AT - count * length * 86_400, UTC)
            text = f"{count} {unit}{'' if count == 1 else 's'} ago"
            return {"publishedTimeText": text, "publishedTime": computed.strftime("%Y-%m-%dT%H:%M:%S.037Z")}
    raise AssertionError(days)
