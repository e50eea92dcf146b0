"""Answers to read: the samples in data/, and small bodies made from them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.domain.creator import Account, Item
from common.platform import Unparsable
from instagram.table import INSTAGRAM

DATA = Path(__file__).parent / "data"

Json = dict[str, Any]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Json]:
    """A fresh copy of a sample by its name."""
    loaded = {path.stem: json.loads(path.read_bytes()) for path in DATA.glob("*.json")}
    return lambda name: copy.deepcopy(loaded[name])


@pytest.fixture
def post(sample: Callable[[str], Json]) -> Json:
    """The first post of the hashtag search, to be spoilt by a test."""
    return sample("hashtag")["posts"][0]


@pytest.fixture
def person(sample: Callable[[str], Json]) -> Json:
    """The first account of the search for profiles, to be spoilt by a test."""
    return sample("keyword")["profiles"][0]


@pytest.fixture
def answer(sample: Callable[[str], Json]) -> Json:
    """The answer of the profile endpoint, to be spoilt by a test."""
    return sample("profile")


@pytest.fixture
def user(answer: Json) -> Json:
    """The user in that answer."""
    return answer["data"]["user"]


@pytest.fixture(scope="session")
def read_post() -> Callable[[object], Item]:
    """The item that the reels search reads from a post."""

    def read(post: object) -> Item:
        (item,) = INSTAGRAM.searches["reels"].read(json.dumps({"success": True, "reels": [post]}).encode()).items
        return item  # type: ignore[return-value]

    return read


@pytest.fixture(scope="session")
def read_person() -> Callable[[object], Item | Unparsable]:
    """The item that the search for profiles reads from a person."""

    def read(person: object) -> Item | Unparsable:
        body = {"success": True, "profiles": [person], "cursor": None}
        (item,) = INSTAGRAM.searches["keyword"].read(json.dumps(body).encode()).items
        return item

    return read


@pytest.fixture(scope="session")
def read_profile() -> Callable[[Json], Account]:
    """The account that the profile endpoint's answer tells."""
    profile = INSTAGRAM.profile
    assert profile is not None
    return lambda body: profile.read(json.dumps(body).encode())
