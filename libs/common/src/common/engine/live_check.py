"""Decides what a live check asks of the upstream, and whether the shape of an answer held.

A check goes as a job does: from a word to a page, from an account to where its table's leads say. So it needs to know
nothing of a platform but its table.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from common.domain.creator import Account, Content, Item, Target
from common.domain.job import PlatformName
from common.platform import TARGET_KIND, Page, Params, Platform, SearchInput, Trail, Unparsable

CALLS_MAX: Final = 12
PROFILE_KIND: Final = "profile"
"""Stands for the profile endpoint, which is no search."""

CURSOR: Final = "cursor"
"""The one field of a page; others are `account.<name>`, `content.<name>` and `statistics.<name>`."""

UNPARSABLE_SHARE_MAX: Final = 0.5

NOTHING_LED_HERE: Final = "not asked: no answer before led here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path of a platform and the first kind of search that asks it. What `reader` is equal is read alike."""

    platform: PlatformName
    kind: str
    path: str
    reader: object


@dataclass(frozen=True, slots=True)
class Choice:
    """The endpoints to ask, and those for which there are too many."""

    asked: tuple[Endpoint, ...]
    left_out: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the answers so far tell of where to go: a query for each kind of search, and somebody's account."""

    queries: Mapping[str, str]
    account: Account | None = None
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """On how many of the things that could tell a field it came."""

    came: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one endpoint. `wrong` None: the shape held. What is None beside it was never learnt; `unread` says
    why some items could not be read, how often."""

    endpoint: Endpoint
    wrong: str | None
    status: int | None = None
    credits: int | None = None
    milliseconds: int | None = None
    item_count: int | None = None
    unread: Mapping[str, int] = field(default_factory=dict[str, int])
    shares: Mapping[str, Share] = field(default_factory=dict[str, Share])

    @property
    def unparsable_count(self) -> int | None:
        return None if self.item_count is None else sum(self.unread.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`stopped` says why the check ended before its end."""

    findings: tuple[Finding, ...]
    left_out: tuple[Endpoint, ...] = ()
    stopped: str | None = None

    @property
    def is_held(self) -> bool:
        return self.stopped is None and all(finding.wrong is None for finding in self.findings)


def endpoints_of(platform: Platform) -> tuple[Endpoint, ...]:
    """Each path once, in the order of the table."""
    found: dict[str, Endpoint] = {}
    for kind, search in platform.searches.items():
        found.setdefault(search.path, Endpoint(platform=platform.name, kind=kind, path=search.path, reader=search.read))
    if platform.profile:
        path, reader = platform.profile.path, platform.profile.read
        found.setdefault(path, Endpoint(platform=platform.name, kind=PROFILE_KIND, path=path, reader=reader))
    return tuple(found.values())


def choose(endpoints: Sequence[Endpoint], calls_max: int = CALLS_MAX) -> Choice:
    """At most `calls_max` of them. Left out are first the later ones of those that are read alike, then the last ones
    of the platform that has the most."""
    asked = list(endpoints)
    while len(asked) > calls_max:
        asked.remove(_least_missed(asked))
    return Choice(tuple(asked), tuple(one for one in endpoints if one not in asked))


def first_known(word: str, handle: str | None) -> Known:
    """The start of a check. Without a handle the target is the first account that a search finds."""
    target = {TARGET_KIND: handle} if handle else {}
    return Known(queries={"keyword": word, "hashtag": word, **target})


def params_for(platform: Platform, endpoint: Endpoint, known: Known) -> Params | None:
    """What to ask the endpoint with, None if nothing that is known leads to it."""
    if endpoint.kind == PROFILE_KIND:
        return platform.profile.ask(known.account, None) if platform.profile and known.account else None
    query = known.queries.get(endpoint.kind)
    return platform.searches[endpoint.kind].ask(SearchInput(query=query), None) if query else None


def read(platform: Platform, endpoint: Endpoint, body: bytes) -> Page:
    """The answer as a page; an account is a page that is a target alone. Raises as the table's own reading does."""
    if endpoint.kind == PROFILE_KIND and platform.profile:
        return Page(items=(), cursor=None, target=platform.profile.read(body))
    return platform.searches[endpoint.kind].read(body)


def learnt(platform: Platform, endpoint: Endpoint, page: Page, known: Known) -> Known:
    """What is known after this page: where it leads, and who is on it."""
    target = Target(account=page.target, contents=page.target_contents) if page.target else known.target
    accounts = [item.account for item in page.items if isinstance(item, Item)]
    account = known.account or next((one for one in accounts if not one.private), page.target)
    queries = dict(known.queries)
    if account:
        queries.setdefault(TARGET_KIND, account.handle)
    if endpoint.kind != PROFILE_KIND:
        search = SearchInput(query=known.queries[endpoint.kind])
        for lead in platform.searches[endpoint.kind].leads(Trail(search=search, page=page, target=target)):
            queries.setdefault(lead.kind, lead.query)
    if target and platform.branch:
        lead = platform.branch(target.account)
        queries.setdefault(lead.kind, lead.query)
    return Known(queries=queries, account=account, target=target)


def judge(finding: Finding, page: Page, relied_on: Sequence[str]) -> Finding:
    """The finding with what its page holds: held if there is something, most of it could be read, and every field that
    is relied on came at least once. Some items that cannot be read are usual: a short without its channel, a post
    without an author."""
    unread = Counter(item.reason for item in page.items if isinstance(item, Unparsable))
    shares = {name: _share(page, name) for name in relied_on}
    lacking = [name for name, share in shares.items() if not share.came]
    wrong: str | None = None
    if not page.items_count:
        wrong = "nothing on the page"
    elif unread.total() > page.items_count * UNPARSABLE_SHARE_MAX:
        wrong = "most items cannot be read"
    elif lacking:
        wrong = f"lacks {', '.join(lacking)}"
    return replace(finding, wrong=wrong, item_count=page.items_count, unread=unread, shares=shares)


def _least_missed(asked: Sequence[Endpoint]) -> Endpoint:
    readers = Counter(one.reader for one in asked)
    alike = [one for one in asked if readers[one.reader] > 1]
    counts = Counter(one.platform for one in asked)
    most = max(counts.values())
    return alike[-1] if alike else next(one for one in reversed(asked) if counts[one.platform] == most)


def _share(page: Page, name: str) -> Share:
    owner, _, attribute = name.partition(".")
    items = [item for item in page.items if isinstance(item, Item)]
    contents = [*(item.content for item in items if item.content), *page.target_contents]
    match owner:
        case "account":
            return _count(attribute, [*(item.account for item in items), *([page.target] if page.target else [])])
        case "content":
            return _count(attribute, contents)
        case "statistics":
            return _count(attribute, [content.statistics for content in contents])
        case _:
            return Share(int(page.cursor is not None), 1)


def _count(attribute: str, things: Iterable[Account | Content | object]) -> Share:
    values = [getattr(thing, attribute) for thing in things]
    return Share(sum(value is not None and value != () for value in values), len(values))
