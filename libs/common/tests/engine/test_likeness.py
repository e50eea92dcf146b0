"""How like the target a creator is. All names are invented."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.creator import Account, Content, Likeness, LikenessPart, Target
from common.engine.likeness import (
    EVIDENCE_COUNT_MAX,
    EVIDENCE_LENGTH_MAX,
    HASHTAG_COUNT_FULL,
    WEIGHTS,
    likeness,
    portrait_of,
)

PAGE = Path(__file__).parents[4] / "docs" / "likeness.md"
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def account(handle: str = "mira.ovens", **known: Any) -> Account:
    return Account(platform_id=handle, handle=handle, **known)


def post(number: int = 1, **known: Any) -> Content:
    return Content(platform_id=str(number), **known)


def compared(target: Target | Account, candidate: Account, content: Content | None = None) -> Likeness:
    target = target if isinstance(target, Target) else Target(account=target)
    return likeness(portrait_of(target), candidate, content, now=NOW)


def part(found: Likeness, name: str) -> LikenessPart:
    (one,) = [one for one in found.parts if one.name == name]
    return one


def names(found: Likeness) -> list[str]:
    return [one.name for one in found.parts]


FULL = account(
    followers=15_900,
    bio="Sourdough and rye from a small oven in Tartu",
    category="Food & Beverage",
    topics=("bread", "baking"),
    hashtags=("sourdough", "breadtok", "homebaker", "rye", "fyp"),
    mentions=("brassfern",),
    language="en",
    posts_per_week=3.5,
)


def test_the_same_creator_is_fully_alike() -> None:
    found = compared(FULL, FULL)
    assert found.score == 1.0
    assert names(found) == list(WEIGHTS)
    assert {one.value for one in found.parts} == {1.0}


def test_nothing_known_is_no_likeness() -> None:
    assert compared(FULL, account("other")) == Likeness(score=0.0, parts=())
    assert compared(account(), FULL) == Likeness(score=0.0, parts=())


def test_one_fact_in_common_is_no_full_likeness() -> None:
    """The target tells its language only: that is a tenth of all weights, counted against half of them."""
    assert compared(account(language="en"), account("other", language="en")).score == 0.2


def test_hashtags_weigh_by_the_targets_use_and_generic_ones_nothing() -> None:
    posts = (
        post(1, hashtags=("Bread", "rye", "fyp")),
        post(2, hashtags=("bread", "fyp")),
        post(3, hashtags=("spelt",)),
    )
    target = Target(account=account(), contents=posts)
    often = part(compared(target, account("a", hashtags=("BREAD", "fyp"))), "hashtags")
    rarely = part(compared(target, account("a", hashtags=("spelt", "fyp"))), "hashtags")
    assert (often.evidence, often.value) == (("#bread",), 0.5)  # 2 of 2 + 1 + 1
    assert (rarely.evidence, rarely.value) == (("#spelt",), 0.25)
    assert "hashtags" not in names(compared(target, account("a", hashtags=("fyp", "viral"))))


def test_a_hashtag_of_the_candidates_post_counts_too() -> None:
    found = compared(account(hashtags=("bread",)), account("a"), post(hashtags=("Bread",)))
    assert part(found, "hashtags").value == 1.0


def test_sharing_the_most_used_hashtags_is_enough() -> None:
    hashtags = tuple(f"bread{number}" for number in range(HASHTAG_COUNT_FULL * 3))
    found = compared(account(hashtags=hashtags), account("a", hashtags=hashtags[: HASHTAG_COUNT_FULL + 1]))
    assert part(found, "hashtags").value == 1.0


def test_evidence_names_the_weightiest_ten_and_is_cut_to_a_hundred_characters() -> None:
    hashtags = tuple(f"{number:02}" + "x" * 140 for number in range(20))
    target = Target(account=account(hashtags=hashtags), contents=(post(hashtags=hashtags[19:]),))
    evidence = part(compared(target, account("a", hashtags=hashtags)), "hashtags").evidence
    assert [one[1:3] for one in evidence] == ["19", *(f"{number:02}" for number in range(EVIDENCE_COUNT_MAX - 1))]
    assert {len(one) for one in evidence} == {EVIDENCE_LENGTH_MAX}


def test_topics_are_the_words_of_bio_category_topics_and_posts() -> None:
    target = Target(
        account=account(bio="Sourdough at home", category="Bakery", topics=("rye",)), contents=(post(text="Spelt!"),)
    )
    found = compared(
        target, account("a", bio="I love sourdough", topics=("Rye",), category="BAKERY"), post(text="spelt")
    )
    assert part(found, "topics").evidence == ("bakery", "rye", "sourdough", "spelt")
    assert part(found, "topics").value == 0.8  # of five words, "home" is not shared


def test_words_of_one_post_among_many_are_no_topic() -> None:
    posts = tuple(post(number, text="bread " + "abcdefgh"[number] * 5) for number in range(8))
    found = compared(Target(account=account(), contents=posts), account("x", bio="bread aaaaa bbbbb"))
    assert part(found, "topics").evidence == ("bread",)


def test_a_hashtag_and_a_word_may_be_the_same_topic() -> None:
    found = compared(account(hashtags=("sourdough",)), account("a", bio="Sourdough every morning"))
    assert names(found) == ["topics"]
    assert part(found, "topics").evidence == ("sourdough",)


def test_names_are_no_topic() -> None:
    assert names(compared(account(name="Mira", bio="bread"), account("a", name="Mira"))) == []


@pytest.mark.parametrize(
    ("theirs", "value", "evidence"),
    [
        (15_900, 1.0, "15,900 against 15,900"),
        (12_400, 0.928, "12,400 against 15,900"),
        (1_590, 0.3333, "1,590 against 15,900"),
        (159, 0.0, "159 against 15,900"),
        (0, 0.0, "0 against 15,900"),
        (159_000_000, 0.0, "159,000,000 against 15,900"),
    ],
)
def test_audiences_are_compared_by_their_order_of_size(theirs: int, value: float, evidence: str) -> None:
    one = part(compared(account(followers=15_900), account("a", followers=theirs)), "audience")
    assert (one.value, one.evidence) == (value, (evidence,))


def test_language_is_that_of_the_account_else_of_most_posts() -> None:
    posts = (post(1, language="pt-BR"), post(2, language="en"), post(3, language="pt"), post(4, language="un"))
    target = Target(account=account(), contents=posts)
    assert part(compared(target, account("a", language="pt_PT")), "language").evidence == ("pt",)
    different = part(compared(target, account("a"), post(language="en")), "language")
    assert (different.value, different.evidence) == (0.0, ("en against pt",))
    assert names(compared(target, account("a", language="und"))) == []


def test_rhythm_is_told_or_the_average_since_the_account_was_made() -> None:
    target = account(posts_per_week=4.0)
    half = account("a", posts=200, created_at=NOW - timedelta(weeks=100))
    one = part(compared(target, half), "rhythm")
    assert (one.value, one.evidence) == (0.6667, ("2.0 a week against 4.0",))
    assert part(compared(target, account("a", posts_per_week=0.0)), "rhythm").value == 0.0
    assert names(compared(target, account("a", posts=3, created_at=NOW - timedelta(days=2)))) == []
    assert names(compared(target, account("a", posts=3, created_at=NOW + timedelta(days=2)))) == []


def test_mentions_overlap_or_one_mentions_the_other() -> None:
    target = Target(
        account=account(mentions=("Brassfern", "mira.ovens")), contents=(post(mentions=("kestrel", "pellwick")),)
    )
    shared = part(compared(target, account("a", mentions=("brassfern", "other"))), "mentions")
    assert (shared.value, shared.evidence) == (0.3333, ("@brassfern",))
    mentioned = part(compared(target, account("Kestrel")), "mentions")
    assert (mentioned.value, mentioned.evidence) == (1.0, ("is mentioned by the target",))
    mentions = part(compared(account(), account("a"), post(mentions=("Mira.Ovens",))), "mentions")
    assert (mentions.value, mentions.evidence) == (1.0, ("mentions the target",))
    itself = compared(target, account("a", mentions=("a",)))
    assert names(itself) == []


# Laws

WORDS = ("bread", "rye", "oven", "yoga", "fyp", "the", "хлеб", "パン", "خبز", "x" * 120)
few = st.lists(st.sampled_from(WORDS), max_size=5).map(tuple)
counts = st.none() | st.integers(0, 10**9)
instants = st.none() | st.integers(0, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
accounts = st.builds(
    Account,
    platform_id=st.just("1"),
    handle=st.sampled_from(["a", "b", "@C"]),
    followers=counts,
    posts=counts,
    bio=st.none() | few.map(" ".join),
    category=st.none() | st.sampled_from(WORDS),
    topics=few,
    hashtags=few,
    mentions=st.lists(st.sampled_from(["a", "B", "c", "d", "e"]), max_size=4).map(tuple),
    language=st.none() | st.sampled_from(["en", "en-GB", "de", "un"]),
    created_at=instants,
    posts_per_week=st.none() | st.floats(0, 1000),
)
contents = st.builds(
    Content,
    platform_id=st.just("1"),
    text=st.none() | few.map(" ".join) | st.text(max_size=50),
    hashtags=few | st.lists(st.text(max_size=200), max_size=3).map(tuple),
    mentions=few,
    language=st.none() | st.sampled_from(["en", "de"]),
)
targets = st.builds(Target, account=accounts, contents=st.lists(contents, max_size=7).map(tuple))


@given(targets, accounts, st.none() | contents)
def test_scores_values_and_evidence_are_bounded(target: Target, candidate: Account, content: Content | None) -> None:
    found = compared(target, candidate, content)
    assert 0 <= found.score <= 1
    assert round(found.score, 4) == found.score
    assert names(found) == [name for name in WEIGHTS if name in names(found)]
    for one in found.parts:
        assert 0 <= one.value <= 1
        assert round(one.value, 4) == one.value
        assert one.weight == WEIGHTS[one.name]
        assert len(one.evidence) <= EVIDENCE_COUNT_MAX
        assert all(len(evidence) <= EVIDENCE_LENGTH_MAX for evidence in one.evidence)
        assert one.value == 0 or one.evidence


# What may become unknown together: the rest would still tell it.
SILENCE: list[dict[str, Any]] = [
    {"followers": None},
    {"bio": None},
    {"category": None},
    {"topics": ()},
    {"hashtags": ()},
    {"mentions": ()},
    {"posts_per_week": None, "created_at": None},
    {"language": None},
]


@given(targets, accounts, st.none() | contents, st.sampled_from(SILENCE))
def test_silence_of_a_candidate_never_raises_its_score(
    target: Target, candidate: Account, content: Content | None, silence: dict[str, Any]
) -> None:
    before = compared(target, candidate, content)
    if content is not None and "language" in silence:
        content = content.model_copy(update=silence)
    assert compared(target, candidate.model_copy(update=silence), content).score <= before.score


@given(targets, accounts, contents)
def test_a_post_less_never_raises_the_score(target: Target, candidate: Account, content: Content) -> None:
    assert compared(target, candidate, None).score <= compared(target, candidate, content).score


@given(targets, accounts, st.none() | contents, st.sampled_from(WORDS))
def test_another_shared_hashtag_never_lowers_the_score(
    target: Target, candidate: Account, content: Content | None, hashtag: str
) -> None:
    target = target.model_copy(update={"account": target.account.model_copy(update={"hashtags": (hashtag,)})})
    more = candidate.model_copy(update={"hashtags": (*candidate.hashtags, hashtag)})
    assert compared(target, more, content).score >= compared(target, candidate, content).score


@given(accounts.filter(lambda one: one.followers is not None and one.language != "un"), contents)
def test_the_same_account_and_post_are_fully_alike_in_every_part(known: Account, content: Content) -> None:
    """The score is 1 if the parts that are known are half of all or more."""
    same = compared(Target(account=known, contents=(content,)), known, content)
    assert {one.value for one in same.parts} == {1.0}
    weight = sum(one.weight for one in same.parts)
    assert same.score == pytest.approx(min(1.0, weight / 0.5), abs=1e-4)


@given(accounts, accounts)
def test_audience_language_and_rhythm_are_the_same_from_both_sides(one: Account, other: Account) -> None:
    there, back = (
        {found.name: found.value for found in compared(a, b).parts if found.name in ("audience", "language", "rhythm")}
        for a, b in ((one, other), (other, one))
    )
    assert there == back


@given(targets, accounts, st.none() | contents)
def test_the_order_in_which_things_were_told_changes_nothing(
    target: Target, candidate: Account, content: Content | None
) -> None:
    turned = target.model_copy(update={"contents": target.contents[::-1]})
    mirrored = candidate.model_copy(update={"hashtags": candidate.hashtags[::-1], "topics": candidate.topics[::-1]})
    assert compared(turned, mirrored, content) == compared(target, candidate, content)


def test_a_candidate_costs_a_fraction_of_what_its_target_does() -> None:
    """The target's 40 posts, each with a long caption, are read once and not again for each candidate. Both are timed
    in turn."""
    text = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)} bread" for n in range(300))
    posts = tuple(post(n, text=text[n * 7 :], hashtags=("bread", f"rye{n}"), mentions=(f"m{n}",)) for n in range(40))
    target = Target(account=FULL, contents=posts)
    portrait = portrait_of(target)
    candidate = FULL.model_copy(update={"handle": "other", "bio": text})

    def seconds(work: Callable[[], object]) -> float:
        start = thread_time()
        for _ in range(20):
            work()
        return thread_time() - start

    turns = [
        (
            seconds(lambda: portrait_of(target)),
            seconds(lambda: likeness(portrait, candidate, posts[0], now=NOW)),
        )
        for _ in range(5)
    ]
    whole, each = (min(times) for times in zip(*turns, strict=True))
    assert each < whole / 4


# The page


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_shows_the_weights_of_the_code() -> None:
    assert {cells[0].strip("`"): float(cells[1]) for cells in rows("The parts")} == dict(WEIGHTS)
    assert sum(WEIGHTS.values()) == pytest.approx(1)


EXAMPLE_TARGET = Target(
    account=account(
        followers=15_900,
        bio="Sourdough and rye from a small oven",
        category="Food & Beverage",
        language="en",
        posts_per_week=3.5,
    ),
    contents=(
        post(1, text="Rye again!", hashtags=("sourdough", "rye", "fyp")),
        post(2, text="A loaf a day", hashtags=("sourdough", "homebaker")),
    ),
)
EXAMPLE = account("juno.tarrowby", followers=12_400, bio="Rye bread, spelt and a wild oven", language="en")
EXAMPLE_POST = post(text="First loaf of May", hashtags=("sourdough", "breadtok", "fyp"))


def test_the_page_shows_what_the_code_computes_for_its_example() -> None:
    found = compared(EXAMPLE_TARGET, EXAMPLE, EXAMPLE_POST)
    shown = [
        [
            f"`{one.name}`",
            f"{one.value:.4f}",
            f"{one.weight:.2f}",
            f"{one.value * one.weight:.4f}",
            ", ".join(one.evidence),
        ]
        for one in found.parts
    ]
    assert rows("An example") == shown
    text = PAGE.read_text(encoding="utf-8")
    assert f"**{found.score:.4f}**" in text
