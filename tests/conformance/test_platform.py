"""What every platform keeps, found by glob: a fourth one is tested here without an edit."""

import importlib
import json
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.creator import Account, Content, Item, Target
from common.domain.filter import FilterName
from common.domain.handle import HandleError, read_handle
from common.domain.job import Mode, PlatformName
from common.errors import NotFoundError, ShapeError
from common.platform import TARGET_KIND, Page, Params, PlannedSearch, Platform, SearchInput, SearchKind, Trail

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent.name for path in ROOT.glob("services/*/src/*/table.py"))
FIRST_KINDS = {Mode.KEYWORD: {"keyword", "hashtag"}, Mode.SIMILAR: {TARGET_KIND}}
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
TARGETS = [name for name in SEARCHES if name.endswith(f"-{TARGET_KIND}")]


def platform_of(name: str) -> Platform:
    return PLATFORMS[name.partition("-")[0]]


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


def assert_startable(lead: PlannedSearch, platform: Platform) -> None:
    """The search can be stored and asked for."""
    assert lead.kind in platform.searches
    assert lead.wave >= 0
    assert lead.query == lead.query.strip()
    assert_clean(platform.searches[lead.kind].ask(SearchInput(query=lead.query), None))


# --- the answers that the platform's own tests keep -------------------------------------------------------------------


@cache
def kept_answers(folder: str) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(ROOT.glob(f"services/{folder}/tests/data/*.json"))}


@cache
def kept_pages(name: str) -> tuple[Page, ...]:
    """What the search reads from those of its platform's answers that are its pages."""
    pages: list[Page] = []
    for body in kept_answers(name.partition("-")[0]).values():
        with suppress(ShapeError, NotFoundError):
            pages.append(SEARCHES[name].read(body))
    return tuple(pages)


@cache
def kept_accounts(folder: str) -> tuple[Account, ...]:
    accounts: list[Account] = []
    for body in kept_answers(folder).values():
        with suppress(ShapeError, NotFoundError):
            accounts.append(PROFILES[folder].read(body))
    return tuple(accounts)


def accounts_on(page: Page) -> Iterator[Account]:
    yield from (item.account for item in page.items if isinstance(item, Item))
    if page.target:
        yield page.target


# --- the table -----------------------------------------------------------------------------------------------------


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
        assert not platform.filters
        assert platform.branch is None


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_platform_filters_by_what_some_endpoint_tells(folder: str) -> None:
    """By known words, and at least by what its profiles tell."""
    platform = PLATFORMS[folder]
    assert platform.filters <= frozenset(FilterName)
    assert all(type(name) is FilterName for name in platform.filters)
    assert platform.profile is None or platform.profile.tells <= platform.filters


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_a_path_with_a_price(name: str) -> None:
    """The host and the query are not the platform's."""
    endpoint = ENDPOINTS[name]
    assert endpoint.path.startswith("/v")
    assert not set("?#: ") & set(endpoint.path)
    assert endpoint.price >= 1


# --- handles -------------------------------------------------------------------------------------------------------


def pages_of(folder: str, name: str) -> list[str]:
    """The addresses that could be an account's page; which of them are is the platform's to know."""
    host = PLATFORMS[folder].handles.hosts[0]
    return [f"https://www.{host}/{name}", f"https://www.{host}/@{name}"]


def understood(folder: str, text: str) -> str | None:
    with suppress(HandleError):
        return read_handle(text, PLATFORMS[folder].handles)
    return None


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_handle_is_understood_however_it_is_written(folder: str) -> None:
    """Bare, with @, with capitals, with blanks, or as the address of a page; the example is one."""
    rule = PLATFORMS[folder].handles
    handle = read_handle(rule.example, rule)
    for text in (handle, f"@{handle}", f"  @{handle}\n", f" {handle} ", f"＠{handle}"):
        assert read_handle(text, rule) == handle
    assert read_handle(handle.upper(), rule) == (handle if rule.is_lower else handle.upper())
    found = [url for url in pages_of(folder, handle) if understood(folder, url) == handle]
    assert found
    for url in found:
        bare = url.removeprefix("https://")
        for text in (bare, bare.removeprefix("www."), f"http://{bare}", f"{url}/", f"{url}?lang=en#top", f" {url} "):
            assert read_handle(text, rule) == handle


@pytest.mark.parametrize(
    "text", ["", " ", "@", "a,b", "mira!", "mira#1", "mira\x00", "x" * 200, "x" * 400, "mira@inbox.example", "\ud83d"]
)
@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_no_handle_is_refused(folder: str, text: str) -> None:
    """A wrong one would be bought as a page of nobody."""
    with pytest.raises(HandleError):
        read_handle(text, PLATFORMS[folder].handles)


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_address_elsewhere_is_refused(folder: str) -> None:
    """Also at a host that only looks like one of the platform's, and at the platform's first page."""
    host = PLATFORMS[folder].handles.hosts[0]
    for page in pages_of(folder, "mira.ovens"):
        for other in ("elsewhere.example", f"{host}.example", f"not{host}"):
            assert understood(folder, page.replace(f"www.{host}", other)) is None
        assert understood(folder, page.replace("https:", "ftp:")) is None
    assert understood(folder, f"https://{host}/") is None
    assert understood(folder, f"https://{host}/@/") is None
    assert understood(folder, "https://[/mira.ovens") is None


# --- asking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_asks_in_strings(name: str) -> None:
    """What is asked for is in the parameters; nothing but the cursor comes with a further page."""
    ask = SEARCHES[name].ask
    first, further = ask(SearchInput(query="sourdough"), None), ask(SearchInput(query="sourdough"), "3")
    assert_clean(first)
    assert_clean(further)
    assert "sourdough" in first.values()
    assert first.items() <= further.items()
    assert set(dict(further.items() - first.items()).values()) <= {"3"}
    assert first == ask(SearchInput(query="sourdough"), None)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_cursor_that_a_page_gave_is_asked_with(name: str) -> None:
    """Or the first page would be bought again and again; so too the number of a page where pages are numbered."""
    search = SEARCHES[name]
    cursors = {page.cursor for page in kept_pages(name) if page.cursor is not None}
    if search.numbered_pages_max is not None:
        assert search.numbered_pages_max > 1
        assert not cursors
        cursors = {"2"}
    for cursor in cursors:
        assert cursor
        assert cursor in search.ask(SearchInput(query="sourdough"), cursor).values()


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_sends_a_region_and_an_age_only_if_there_is_one(name: str) -> None:
    """An unknown one is no parameter, and what is sent is what was said."""
    ask = SEARCHES[name].ask
    bare = ask(SearchInput(query="sourdough"), None)
    told = ask(SearchInput(query="sourdough", region="GB", cache_max_age="7d"), None)
    assert_clean(told)
    assert bare.keys() <= told.keys()
    assert set(dict(told.items() - bare.items()).values()) <= {"GB", "7d"}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("kind", "sign"), [("hashtag", "#"), (TARGET_KIND, "@")])
def test_a_sign_in_front_is_not_sent(folder: str, kind: str, sign: str) -> None:
    """Hashtags go without # and handles without @."""
    search = PLATFORMS[folder].searches.get(kind)
    if search is None:
        pytest.skip(f"{folder} has no {kind}")
    assert search.ask(SearchInput(query=sign + "sourdough"), None) == search.ask(SearchInput(query="sourdough"), None)


@pytest.mark.parametrize("folder", PROFILES)
def test_a_profile_is_asked_for_by_what_identifies(folder: str) -> None:
    """The handle or the id, clean; and the age that an answer may have, if there is one."""
    ask = PROFILES[folder].ask
    params = ask(Account(platform_id="7", handle="mira.oventide"), None)
    assert_clean(params)
    assert {"7", "mira.oventide"} & set(params.values())
    assert_clean(ask(Account(platform_id="7", handle="@mira.oventide"), None))
    aged = ask(Account(platform_id="7", handle="mira.oventide"), "7d")
    assert params.items() <= aged.items()
    assert set(dict(aged.items() - params.items()).values()) <= {"7d"}


@pytest.mark.parametrize("folder", PROFILES)
def test_a_profile_is_needed_if_nothing_is_known(folder: str) -> None:
    """And not if everything is, even that there is nothing."""
    is_needed = PROFILES[folder].is_needed
    assert is_needed(Account(platform_id="7", handle="mira"))
    known = Account(
        platform_id="7", handle="mira", name="Mira", followers=0, following=0, posts=0, verified=False,
        private=False, bio="", avatar_url="https://a.example/a.jpeg", country="GB", language="en",
        emails=("hello@oventide.com",), links=("https://oventide.com",), category="Art", topics=("bread",),
    )  # fmt: skip
    assert not is_needed(known)


# --- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("name", ENDPOINTS)
def test_garbage_is_a_shape_error(name: str, body: bytes) -> None:
    """And nothing else."""
    with pytest.raises(ShapeError):
        ENDPOINTS[name].read(body)


@pytest.mark.parametrize("name", [*TARGETS, *(f"{folder}-profile" for folder in PROFILES)])
def test_a_body_that_names_no_account_is_not_found(name: str) -> None:
    """The vendor says so inside a 200."""
    with pytest.raises(NotFoundError):
        ENDPOINTS[name].read(json.dumps({"success": True, "accountDoesNotExist": True}).encode())


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_has_an_answer_and_its_golden_file(name: str) -> None:
    """At least one that holds something."""
    assert any(page.items_count for page in kept_pages(name))


@pytest.mark.parametrize("folder", PROFILES)
def test_a_profile_has_an_answer_and_its_golden_file(folder: str) -> None:
    """One that tells a bio."""
    assert any(account.bio for account in kept_accounts(folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_answer_has_its_golden_file(folder: str) -> None:
    """And no golden file is without its answer."""
    golden = {path.stem for path in ROOT.glob(f"services/{folder}/tests/golden/*.json")}
    assert golden == kept_answers(folder).keys()
    assert bool(golden) == bool(PLATFORMS[folder].modes)


@pytest.mark.parametrize("name", TARGETS)
def test_the_page_of_a_target_tells_the_target(name: str) -> None:
    """Each page with anything on it does, and what it tells of the target is no candidate."""
    pages = [page for page in kept_pages(name) if page.items_count]
    assert pages
    for page in pages:
        assert page.target is not None
        assert all(item.account.platform_id != page.target.platform_id for item in page.items if isinstance(item, Item))


@pytest.mark.parametrize("name", [name for name in SEARCHES if name.split("-")[1] in ("keyword", "hashtag")])
def test_a_search_of_keyword_mode_tells_no_target(name: str) -> None:
    """There is none."""
    for page in kept_pages(name):
        assert page.target is None
        assert page.target_contents == ()


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_read_can_be_kept_and_found_again(name: str) -> None:
    """Each value survives its row; ids, handles and addresses say something, and unknown is never "" but for a bio."""
    for page in kept_pages(name):
        for item in page.items:
            assert not isinstance(item, Item) or Item.model_validate_json(item.model_dump_json()) == item
        for content in page.target_contents:
            assert Content.model_validate_json(content.model_dump_json()) == content
        for account in accounts_on(page):
            assert_sound(account)


@pytest.mark.parametrize("folder", PROFILES)
def test_a_profile_can_be_kept_and_ends_the_need_of_one(folder: str) -> None:
    """Or every profile would be bought for nothing."""
    for account in kept_accounts(folder):
        assert_sound(account)
    assert any(not PROFILES[folder].is_needed(account) for account in kept_accounts(folder))


def assert_sound(account: Account) -> None:
    assert Account.model_validate_json(account.model_dump_json()) == account
    assert account.platform_id
    assert account.handle
    assert not account.handle.startswith("@")
    assert account.url is None or account.url.startswith("https://")
    for name in ("name", "url", "avatar_url", "country", "language", "category"):
        assert getattr(account, name) != ""
    assert all(tag and not tag.startswith("#") for tag in account.hashtags)
    assert all(handle and not handle.startswith("@") for handle in account.mentions)


# --- where searches lead -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEARCHES)
def test_every_lead_of_a_kept_page_can_be_started(name: str) -> None:
    """Its kind is in the table and its query says something; a second look says the same."""
    for page in kept_pages(name):
        target = Target(account=page.target, contents=page.target_contents) if page.target else None
        trail = Trail(search=SearchInput(query="mira.oventide"), page=page, target=target)
        leads = SEARCHES[name].leads(trail)
        assert list(leads) == list(SEARCHES[name].leads(trail))
        for lead in leads:
            assert_startable(lead, platform_of(name))


def test_a_target_leads_somewhere() -> None:
    """Or a similar job would have nothing but its target."""
    for name in TARGETS:
        pages = [page for page in kept_pages(name) if page.target and not page.target.private]
        trails = [
            Trail(search=SearchInput(query="mira"), page=page, target=Target(account=page.target, contents=()))
            for page in pages
            if page.target
        ]
        assert any(SEARCHES[name].leads(trail) for trail in trails)


ODD_TEXT = st.sampled_from(["", " ", "#", "@", "🥐", "mira", "Mira Oventide", "a/b?c", "x" * 400, "\ud83d", "山田"])
TAGS = st.lists(st.sampled_from(["fyp", "sourdough", "Bread", "🥐", "a/b?c", "山田", "x" * 150]), max_size=8).map(tuple)
ACCOUNTS = st.builds(
    Account,
    platform_id=st.sampled_from(["7", "8"]),
    handle=st.sampled_from(["mira", "mira.oventide", "@mira", "UC7"]),
    name=st.none() | ODD_TEXT,
    bio=st.none() | ODD_TEXT,
    private=st.none() | st.booleans(),
    posts=st.none() | st.integers(0, 9),
    category=st.none() | st.sampled_from(["Art", "Food & Beverage", "🥐", "x" * 400]),
    hashtags=TAGS,
    topics=TAGS,
    native=st.dictionaries(ODD_TEXT, st.none() | st.integers() | ODD_TEXT | st.lists(ODD_TEXT), max_size=3),
)
CONTENTS = st.builds(Content, platform_id=st.just("1"), text=st.none() | ODD_TEXT, hashtags=TAGS, mentions=TAGS)
PAGES = st.builds(
    Page,
    items=st.lists(
        st.builds(Item, item_id=st.just("1"), account=ACCOUNTS, content=st.none() | CONTENTS), max_size=3
    ).map(tuple),
    cursor=st.none() | st.just("2"),
    target=st.none() | ACCOUNTS,
    target_contents=st.lists(CONTENTS, max_size=4).map(tuple),
)
TARGETS_KNOWN = st.builds(Target, account=ACCOUNTS, contents=st.lists(CONTENTS, max_size=4).map(tuple))
TRAILS = st.builds(
    Trail,
    search=st.builds(
        SearchInput, query=st.sampled_from(["mira", "sourdough bread"]), region=st.sampled_from([None, "US"])
    ),
    page=st.none() | PAGES,
    target=st.none() | TARGETS_KNOWN,
)


@pytest.mark.parametrize("name", SEARCHES)
@given(trail=TRAILS)
def test_the_leads_of_any_trail_have_known_kinds(name: str, trail: Trail) -> None:
    """Whatever a page or a target holds, nothing is raised."""
    for lead in SEARCHES[name].leads(trail):
        assert lead.kind in platform_of(name).searches
        assert lead.query.strip()


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_ended_without_a_page_may_be_asked_for_leads(name: str) -> None:
    """Whether or not a target is known."""
    for target in (None, Target(account=Account(platform_id="7", handle="mira"))):
        trail = Trail(search=SearchInput(query="mira"), page=None, target=target)
        for lead in SEARCHES[name].leads(trail):
            assert_startable(lead, platform_of(name))


@pytest.mark.parametrize("folder", [folder for folder, platform in PLATFORMS.items() if platform.branch])
def test_a_branch_can_be_started(folder: str) -> None:
    """From any creator whom the platform tells."""
    platform = PLATFORMS[folder]
    assert platform.branch is not None
    accounts = [account for name in SEARCHES if platform_of(name) is platform for page in kept_pages(name)
                for account in accounts_on(page)]  # fmt: skip
    assert accounts
    for account in accounts:
        assert_startable(platform.branch(account), platform)
