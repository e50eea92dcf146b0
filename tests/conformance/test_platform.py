"""What every platform keeps, found by glob: a fourth one is tested here without an edit."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from common.domain.creator import Account
from common.domain.job import Mode, PlatformName
from common.errors import NotFoundError, ShapeError
from common.platform import Params, Platform, SearchInput, SearchKind

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent.name for path in ROOT.glob("services/*/src/*/table.py"))
FIRST_KINDS = {Mode.KEYWORD: {"keyword", "hashtag"}, Mode.SIMILAR: {"target"}}
GARBAGE = [
    b"",
    b"null",
    b"5",
    b'"text"',
    b"[]",
    b"[null]",
    b"{}",
    b'{"success": true}',
    b'{"success": false, "error": "odd"}',
    b'{"data": null, "user": null}',
    b"<html>bad gateway</html>",
    b'{"success": true',
    b"\xff\xfe\x00",
    b'"\\ud83d"',
    b"[" * 90_000,
    b'{"user":' * 30_000,
]


def tables(folder: str) -> list[Platform]:
    module = importlib.import_module(f"{folder}.table")
    return [value for value in vars(module).values() if isinstance(value, Platform)]


PLATFORMS = {folder: table for folder in FOLDERS for table in tables(folder)}
SEARCHES: dict[str, SearchKind] = {
    f"{folder}-{kind}": search for folder, platform in PLATFORMS.items() for kind, search in platform.searches.items()
}
PROFILES = {folder: platform.profile for folder, platform in PLATFORMS.items() if platform.profile}
ENDPOINTS: dict[str, Any] = SEARCHES | {f"{folder}-profile": profile for folder, profile in PROFILES.items()}


def assert_clean(params: Params) -> None:
    """Parameters are strings, say something, carry no sign of ours and no key."""
    assert params
    for name, value in params.items():
        assert type(name) is str
        assert type(value) is str
        assert value
        assert not value.startswith(("#", "@"))
        assert "key" not in name.lower()
        assert "token" not in name.lower() or name == "continuationToken"


def test_every_platform_name_has_its_folder_and_table() -> None:
    """Folder, package and enum value are one word."""
    assert sorted(PLATFORMS) == sorted(PlatformName)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_table_holds_one_platform_named_as_its_folder(folder: str) -> None:
    """The constant's name is the folder's in capitals."""
    (platform,) = tables(folder)
    assert platform.name == folder
    assert getattr(importlib.import_module(f"{folder}.table"), folder.upper()) is platform
    assert platform.label.lower() == folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_mode_has_its_first_kinds_and_no_kind_is_without_a_mode(folder: str) -> None:
    """A job's first searches are planned by mode alone."""
    platform = PLATFORMS[folder]
    for mode in platform.modes:
        assert FIRST_KINDS[mode] <= platform.searches.keys()
    if not platform.modes:
        assert not platform.searches
        assert platform.profile is None


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_a_path_with_a_price(name: str) -> None:
    """The host and the query are not the platform's."""
    endpoint = ENDPOINTS[name]
    assert endpoint.path.startswith("/v")
    assert not set("?#: ") & set(endpoint.path)
    assert endpoint.price >= 1


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_asks_in_strings(name: str) -> None:
    """What is asked for is in the parameters, the cursor only after the first page."""
    ask = SEARCHES[name].ask
    first, further = ask(SearchInput(query="sourdough"), None), ask(SearchInput(query="sourdough"), "cursor-30")
    assert_clean(first)
    assert_clean(further)
    assert "sourdough" in first.values()
    assert "cursor-30" in further.values()
    assert first.items() <= further.items()
    assert first == ask(SearchInput(query="sourdough"), None)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_sends_a_region_only_if_there_is_one(name: str) -> None:
    """An unknown one is no parameter."""
    ask = SEARCHES[name].ask
    assert all(ask(SearchInput(query="sourdough", region=None), None).values())
    assert_clean(ask(SearchInput(query="sourdough", region="GB"), None))


@pytest.mark.parametrize(("kind", "sign"), [("hashtag", "#"), ("target", "@")])
def test_a_sign_in_front_is_not_sent(kind: str, sign: str) -> None:
    """Hashtags go without # and handles without @."""
    for platform in PLATFORMS.values():
        if kind in platform.searches:
            assert_clean(platform.searches[kind].ask(SearchInput(query=sign + "sourdough"), None))


@pytest.mark.parametrize("folder", PROFILES)
def test_a_profile_is_asked_for_by_what_identifies(folder: str) -> None:
    """The handle or the id, clean."""
    params = PROFILES[folder].ask(Account(platform_id="7", handle="mira.oventide"))
    assert_clean(params)
    assert {"7", "mira.oventide"} & set(params.values())
    assert_clean(PROFILES[folder].ask(Account(platform_id="7", handle="@mira.oventide")))


@pytest.mark.parametrize("folder", PROFILES)
def test_a_profile_is_needed_if_nothing_is_known(folder: str) -> None:
    """And not if everything is, even that there is nothing."""
    is_needed = PROFILES[folder].is_needed
    assert is_needed(Account(platform_id="7", handle="mira"))
    known = Account(
        platform_id="7", handle="mira", name="Mira", followers=0, following=0, posts=0, verified=False,
        private=False, bio="", avatar_url="https://a.example/a.jpeg", region="GB", language="en",
    )  # fmt: skip
    assert not is_needed(known)


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("name", ENDPOINTS)
def test_garbage_is_a_shape_error(name: str, body: bytes) -> None:
    """And nothing else."""
    with pytest.raises(ShapeError):
        ENDPOINTS[name].read(body)


@pytest.mark.parametrize("folder", PROFILES)
def test_a_body_that_names_no_account_is_not_found(folder: str) -> None:
    """The vendor says so inside a 200."""
    with pytest.raises(NotFoundError):
        PROFILES[folder].read(json.dumps({"success": True, "accountDoesNotExist": True}).encode())
