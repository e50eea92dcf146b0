"""Answers to read: the samples in data/, and small bodies made from them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.domain.creator import Account, Item
from tiktok.table import TIKTOK

DATA = Path(__file__).parent / "data"

Json = dict[str, Any]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Json]:
    """A fresh copy of a sample by its name."""
    loaded = {path.stem: json.loads(path.read_bytes()) for path in DATA.glob("*.json")}
    return lambda name: copy.deepcopy(loaded[name])


@pytest.fixture
def post(sample: Callable[[str], Json]) -> Json:
    """The first post of the keyword search, to be spoilt by a test."""
    return sample("keyword")["search_item_list"][0]["aweme_info"]


@pytest.fixture
def user(sample: Callable[[str], Json]) -> Json:
    """The answer of the profile endpoint, to be spoilt by a test."""
    return sample("profile")


@pytest.fixture(scope="session")
def read_keyword() -> Callable[[Json], Item]:
    """The item that the keyword search reads from a post."""

    def read(post: Json) -> Item:
        body = {"success": True, "search_item_list": [{"aweme_info": post}], "cursor": None, "has_more": 0}
        (item,) = TIKTOK.searches["keyword"].read(json.dumps(body).encode()).items
        return item  # type: ignore[return-value]

    return read


@pytest.fixture(scope="session")
def read_hashtag() -> Callable[[Json], Item]:
    """The item that the hashtag search reads from a post."""

    def read(post: Json) -> Item:
        body = {"success": True, "aweme_list": [post], "cursor": 12, "has_more": 1}
        (item,) = TIKTOK.searches["hashtag"].read(json.dumps(body).encode()).items
        return item  # type: ignore[return-value]

    return read


@pytest.fixture(scope="session")
def read_profile() -> Callable[[Json], Account]:
    """The account that the profile endpoint's answer tells."""
    profile = TIKTOK.profile
    assert profile is not None
    return lambda body: profile.read(json.dumps(body).encode())
