"""What is learnt of a target, and from whom a similar job goes on."""

from common.domain.creator import Account, Contact, Content, Creator, Likeness, Match, Target
from common.engine.target import BRANCH_SCORE_MIN, CONTENTS_MAX, decide_branches, known_target
from common.platform import Page, PlannedSearch

MIRA = Account(platform_id="1", handle="mira", bio="bread", followers=5)


def page(account: Account | None = None, *posts: str) -> Page:
    contents = tuple(Content(platform_id=post) for post in posts)
    return Page(items=(), cursor=None, target=account, target_contents=contents)


def scored(handle: str, score: float | None) -> Creator:
    return Creator(
        account=Account(platform_id=handle, handle=handle),
        contact=Contact(),
        content=None,
        matched=Match(kind="related", query="mira"),
        likeness=None if score is None else Likeness(score=score, parts=()),
    )


def branch(account: Account) -> PlannedSearch:
    return PlannedSearch(kind="related", query=account.handle)


def test_what_pages_tell_of_a_target_is_put_together() -> None:
    target = known_target(None, page(MIRA))
    assert target == Target(account=MIRA)
    target = known_target(target, page(Account(platform_id="1", handle="mira", country="GB"), "a", "b"))
    assert target is not None
    assert (target.account.bio, target.account.country) == ("bread", "GB")
    target = known_target(target, page(None, "b", "c"))
    assert target is not None
    assert [content.platform_id for content in target.contents] == ["a", "b", "c"], "each post once"


def test_another_account_replaces_the_target_with_its_posts() -> None:
    other = Account(platform_id="2", handle="mira")
    assert known_target(Target(account=MIRA, contents=(Content(platform_id="a"),)), page(other)) == Target(
        account=other
    )


def test_posts_without_a_target_say_nothing_and_many_are_too_many() -> None:
    assert known_target(None, page(None, "a")) is None
    target = known_target(Target(account=MIRA), page(None, *map(str, range(99))))
    assert target is not None
    assert [content.platform_id for content in target.contents] == [str(number) for number in range(CONTENTS_MAX)]


def test_a_post_that_is_told_again_is_known_as_it_was_told_last() -> None:
    target = Target(account=MIRA, contents=(Content(platform_id="a", text="bread"), Content(platform_id="b")))
    again = Page(items=(), cursor=None, target_contents=(Content(platform_id="a", text="rye bread"),))
    known = known_target(target, again)
    assert known is not None
    assert [(content.platform_id, content.text) for content in known.contents] == [("a", "rye bread"), ("b", None)]


def test_a_similar_job_goes_on_from_the_most_alike() -> None:
    creators = [scored("a", 0.5), scored("b", 0.9), scored("c", None), scored("d", 0.7), scored("e", 0.6)]
    assert [search.query for search in decide_branches(creators, branch)] == ["b", "d", "e"]
    edge = [scored("edge", BRANCH_SCORE_MIN), scored("below", BRANCH_SCORE_MIN - 0.01)]
    assert [search.query for search in decide_branches(edge, branch)] == ["edge"]
    assert decide_branches(creators, None) == ()
