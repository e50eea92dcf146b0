"""What Instagram tells of a person: the profile in its two shapes, and what the search for profiles says.

Rule: every key of a sample stays unless the vendor leaves it out; both endpoints say the same of the same person.
"""

import json
from typing import Any
from urllib.parse import quote

from local.sandbox.draw import Draw
from local.sandbox.interest import interests
from local.sandbox.person import Person
from local.sandbox.tiktok_person import told_bio

PICTURE_URL = (
    "https://scontent-lga3-1.cdninstagram.com/v/t51.2885-19/{hash}_n.jpg?stp=dst-jpg_s{size}x{size}_tt6"
    "&_nc_ht=scontent-lga3-1.cdninstagram.com&_nc_cat=107&_nc_ohc=DEMO&oh=00_DEMO&oe=6AB2C37A&_nc_sid=bc0c2c"
)
MERGED_PERCENT = 40
PROFESSIONAL_PERCENT = 60
BUSINESS_PERCENT = 25
EMAIL_PERCENT = 60  # of businesses that have an address show it in its field
CATEGORIES = ("Digital creator", "Personal blog")
UNSPOKEN_PERCENT = 30  # of the professionals file themselves under what says nothing


def profile_user(sample: dict[str, Any], person: Person, seed: int) -> dict[str, Any]:
    """The user of a profile without posts and related profiles, in Instagram's graph or merged with the app's keys."""
    chance = Draw(seed, "instagram profile", person.number)
    is_merged, is_professional = chance.chance(MERGED_PERCENT), _is_professional(seed, person)
    is_business = is_professional and chance.chance(BUSINESS_PERCENT)
    bio = told_bio(seed, person)
    place = {"city_name": "Bristol, United Kingdom", "zip_code": None} if is_business else None
    told = {
        **sample,
        "id": person.uid,
        "username": person.handle,
        "full_name": person.nickname,
        "biography": bio,
        "biography_with_entities": {"raw_text": bio, "entities": []},
        "bio_links": bio_links(person),
        "external_url": whole_link(person),
        "external_url_linkshimmed": whole_link(person),
        "edge_followed_by": {"count": person.follower_count},
        "edge_follow": {"count": person.following_count},
        "is_business_account": is_business,
        "is_professional_account": is_professional,
        "business_address_json": place if is_merged or place is None else json.dumps(place),
        "business_contact_method": "EMAIL" if is_business else "UNKNOWN",
        "business_email": person.email if is_business and chance.chance(EMAIL_PERCENT) else None,
        "business_category_name": "None" if is_business else None,
        "category_name": category(seed, person),
        "is_private": person.is_private,
        "is_verified": person.is_verified,
        "profile_pic_url": picture_url(person, 150),
        "profile_pic_url_hd": picture_url(person, 320),
    }
    return {**told, **_merged(person, is_business=is_business)} if is_merged else told


def found_profile(sample: dict[str, Any], person: Person, seed: int) -> dict[str, Any]:
    """A person as the search for profiles tells it: with bio, links and counts."""
    bio = told_bio(seed, person)
    is_by_profile = Draw(seed, "instagram matched", person.number).chance(70)
    return {
        **sample,
        "id": person.uid,
        "username": person.handle,
        "full_name": person.nickname,
        "biography": bio,
        "bio_links": bio_links(person),
        "external_url": whole_link(person),
        "is_private": person.is_private,
        "is_verified": person.is_verified,
        "is_professional_account": _is_professional(seed, person),
        "category_name": category(seed, person),
        "profile_pic_url": picture_url(person, 150),
        "follower_count": person.follower_count,
        "following_count": person.following_count,
        "media_count": person.video_count,
        "url": f"https://www.instagram.com/{person.handle}/",
        "matched_from": "profile" if is_by_profile else "caption",
        "google_title": f"{person.nickname} (@{person.handle}) • Instagram photos and videos"
        if is_by_profile
        else None,
        "google_description": bio if is_by_profile else None,
    }


def related_node(person: Person) -> dict[str, Any]:
    """A person beside another: neither counts nor a bio."""
    return {
        "id": person.uid,
        "full_name": person.nickname,
        "is_private": person.is_private,
        "is_verified": person.is_verified,
        "profile_pic_url": picture_url(person, 150),
        "username": person.handle,
    }


def category(seed: int, person: Person) -> str | None:
    """None for who is no professional; of the others some say nothing by it."""
    if not _is_professional(seed, person):
        return None
    chance = Draw(seed, "instagram category", person.number)
    if chance.chance(UNSPOKEN_PERCENT):
        return chance.pick(CATEGORIES)
    return interests(seed, person.number)[0].category


def bio_links(person: Person) -> list[dict[str, Any]]:
    url = whole_link(person)
    return [] if url is None else [{"title": "", "lynx_url": _shim(url), "url": url, "link_type": "external"}]


def whole_link(person: Person) -> str | None:
    """Instagram completes what people type."""
    link = person.bio_link
    return link if link is None or "://" in link else f"https://{link}"


def picture_url(person: Person, size: int) -> str:
    return PICTURE_URL.format(hash=person.avatar_hash[:20], size=size)


def _shim(url: str) -> str:
    return f"https://l.instagram.com/?u={quote(url, safe='')}&e=DEMO"


def _is_professional(seed: int, person: Person) -> bool:
    return Draw(seed, "instagram professional", person.number).chance(PROFESSIONAL_PERCENT)


def _merged(person: Person, *, is_business: bool) -> dict[str, Any]:
    """The app's flat keys beside the graph's; the count of posts is null there."""
    return {
        "pk": person.uid,
        "follower_count": person.follower_count,
        "following_count": person.following_count,
        "media_count": None,
        "account_type": 2 if is_business else 3,
        "is_business": is_business,
        "hd_profile_pic_url_info": {"url": picture_url(person, 640)},
    }
