"""Whatever an answer of the upstream holds, every reader of every platform reads it or refuses it by name: in bounded
time, into text that can be kept, and never with a 0 that nobody said.

What was ever found lies in `corpus/parser`: the name of a reader and a body, each byte a character.
"""

import copy
import importlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from common.domain.creator import Account, Item, Target
from common.errors import NotFoundError, ShapeError
from common.platform import Page, Platform, SearchInput, Trail
from common.upstream.answer import Answer, charged, fault, seen_at
from local.spoil import DROPPED, spoil

from .fuzzing import hunt

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_ZERO = re.compile(rb'"0+"|[:\[,]\s*-?0')
SECONDS_PER_BODY_MAX = 5.0  # a hundred times what the slowest takes: only what grows without bound is found by it
ITEMS_KEPT = 2
DEEP, HUGE, MANY, LONG, TWICE = "@@deep@@", "@@huge@@", "@@many@@", "@@long@@", "@@twice@@"
WRITTEN = {
    DEEP: b"[" * 90_000 + b"]" * 90_000,
    HUGE: b"9" * 5_000,
    MANY: b"[" + b"{}," * 2_000 + b"{}]",
    LONG: b'"' + b"a@b.co http://c.de #d @e " * 8_000 + b'"',
    TWICE: b'1,"id":2,"user":3,"videos":4,"author":5,"cursor":6',
}
FOLDERS = ("tiktok", "instagram", "youtube")

texts = st.text(st.characters(codec=None), max_size=12)  # with NUL and lone surrogates
values = st.one_of(
    st.just(DROPPED),
    st.sampled_from([*WRITTEN, None, "", "1", -1, 2**63, 2**1023, 1e308, -1e-300, 0.5, [], {}, [[]], [None], True]),
    st.sampled_from(["\0", "\ud83d", "\udc00\ud800", "1.2K", "٣", "-", "null", "NaN", "9999-99-99", "http://[", "a@b"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(1) | st.floats(1, allow_infinity=False) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=4,
    ),
)
chances = st.randoms(use_true_random=False)


@cache
def platform(folder: str) -> Platform:
    module = importlib.import_module(f"{folder}.table")
    (found,) = (value for value in vars(module).values() if isinstance(value, Platform))
    return found


@cache
def readers(folder: str) -> dict[str, Callable[[bytes], Any]]:
    table = platform(folder)
    found: dict[str, Callable[[bytes], Any]] = {
        f"{folder}-{kind}": search.read for kind, search in table.searches.items()
    }
    return found | ({f"{folder}-profile": table.profile.read} if table.profile else {})


@cache
def samples(folder: str) -> list[tuple[str, Any]]:
    """Each kept answer that a reader reads, with that reader; cut to few items, and without any zero."""
    found: list[tuple[str, Any]] = []
    for path in sorted(ROOT.glob(f"services/{folder}/tests/data/*.json")):
        body = cut(json.loads(path.read_bytes()))
        for name, read in readers(folder).items():
            with suppress(ShapeError, NotFoundError):
                read(json.dumps(body).encode())
                found.append((name, body))
    return found


def cut(value: Any) -> Any:
    match value:
        case dict():
            return {key: cut(inner) for key, inner in value.items()}
        case list():
            return [cut(inner) for inner in value[:ITEMS_KEPT]]
        case bool():
            return value
        case 0 | 0.0 | "0":
            return 7
        case _:
            return value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key)
        yield from places(child, (*path, key))


@cache
def places_of(folder: str, index: int) -> list[tuple[Any, ...]]:
    return list(places(samples(folder)[index][1]))


@st.composite
def spoilt(draw: st.DrawFn, folder: str) -> list[str]:
    """A reader, and an answer of its kind in which values are dropped, of another type, nested, huge or broken: as
    text whose characters are the bytes, like in the corpus."""
    index = draw(st.integers(0, len(samples(folder)) - 1))
    name, sample = samples(folder)[index]
    body = copy.deepcopy(sample)
    chance = draw(chances)
    for _ in range(draw(st.integers(1, 5))):
        spoil(body, chance.choice(places_of(folder, index)), draw(values))
    text = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for mark, written in WRITTEN.items():
        text = text.replace(json.dumps(mark).encode(), written)
    if draw(st.integers(0, 9)) == 0:  # bytes that are lost or turn into others on their way
        place = chance.randrange(len(text))
        text = text[:place] + draw(st.binary(max_size=3)) + text[place + chance.randrange(4) :]
    return [name, text.decode("latin-1")]


def read(name: str, body: bytes, *, has_zero: bool) -> None:
    """What must hold for any body."""
    folder = name.partition("-")[0]
    answer = Answer(status=200, body=body, retry_after=None, milliseconds=1, bytes_on_wire=len(body))
    assert 0 <= charged(answer, price=1) <= 1000
    assert fault(answer) is None or isinstance(fault(answer), ShapeError)
    seen_at(answer, now=NOW)
    started = time.process_time()
    with suppress(ShapeError, NotFoundError):
        said = readers(folder)[name](body)
        for account in accounts(said):
            check(account.model_dump(mode="json"), has_zero=has_zero)
        if isinstance(said, Page):
            check_page(folder, name, said)
    assert time.process_time() - started < SECONDS_PER_BODY_MAX


def accounts(said: Any) -> Iterator[Account]:
    if isinstance(said, Account):
        yield said
    elif isinstance(said, Page):
        yield from (item.account for item in said.items if isinstance(item, Item))
        if said.target is not None:
            yield said.target


def check_page(folder: str, name: str, page: Page) -> None:
    for item in page.items:
        if isinstance(item, Item) and item.content is not None:
            check(item.content.model_dump(mode="json"), has_zero=True)
    check(page.cursor, has_zero=True)
    assert page.cursor != "", "an empty cursor would buy the first page again"
    search = platform(folder).searches[name.partition("-")[2]]
    target = Target(account=page.target, contents=page.target_contents) if page.target else None
    for lead in search.leads(Trail(search=SearchInput(query="mira"), page=page, target=target)):
        assert lead.query


def check(kept: Any, *, has_zero: bool) -> None:
    """Fit for `text` and `jsonb`, of bounded length, and nowhere a zero out of nothing."""
    match kept:
        case dict():
            for key, inner in kept.items():
                check(key, has_zero=has_zero)
                check(inner, has_zero=has_zero)
        case list():
            for inner in kept:
                check(inner, has_zero=has_zero)
        case str():
            kept.encode()
            assert "\0" not in kept
            assert len(kept) <= 20_000
        case bool() | None:
            pass
        case _:
            assert abs(kept) < 1e300, "also no NaN"
            assert has_zero or kept != 0, "a zero that nobody said"


def test_a_readers_answer_to_any_body_is_what_it_promises(record_property: Callable[[str, object], None]) -> None:
    def judge(given: list[str]) -> None:
        name, text = given
        body = text.encode("latin-1")
        read(name, body, has_zero=_ZERO.search(body) is not None)

    inputs = st.sampled_from(FOLDERS).flatmap(spoilt)
    record_property("told", hunt(judge, inputs, target="parser"))
