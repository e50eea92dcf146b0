"""Answers to read: the samples in data/, and small bodies made from them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.domain.creator import Account, Item
from common.platform import Unparsable
from youtube.table import YOUTUBE

DATA = Path(__file__).parent / "data"

Json = dict[str, Any]


@pytest.fixture(scope="session")
def sample() -> Callable[[str], Json]:
    """A fresh copy of a sample by its name."""
    loaded = {path.stem: json.loads(path.read_bytes()) for path in DATA.glob("*.json")}
    return lambda name: copy.deepcopy(loaded[name])


@pytest.fixture
def video(sample: Callable[[str], Json]) -> Json:
    """A video with extras, to be spoilt by a test."""
    return sample("search_keyword_extras")["videos"][0]


@pytest.fixture
def card(sample: Callable[[str], Json]) -> Json:
    """A channel that a search found, to be spoilt by a test."""
    return sample("search_keyword_channels")["channels"][0]


@pytest.fixture
def channel(sample: Callable[[str], Json]) -> Json:
    """The answer of the channel endpoint, to be spoilt by a test."""
    return sample("channel")


@pytest.fixture(scope="session")
def read_items() -> Callable[..., list[Item | Unparsable]]:
    """The items that the keyword search reads from these arrays."""

    def read(**arrays: object) -> list[Item | Unparsable]:
        body = {"success": True, "videos": [], **arrays}
        return list(YOUTUBE.searches["keyword"].read(json.dumps(body).encode()).items)

    return read


@pytest.fixture(scope="session")
def read_channel() -> Callable[[Json], Account]:
    """The account that the channel endpoint's answer tells."""
    profile = YOUTUBE.profile
    assert profile is not None
    return lambda body: profile.read(json.dumps(body).encode())
