"""Decides what is known of the account that a similar job was given, and which searches go on from whom."""

from collections.abc import Callable, Sequence

from common.domain.creator import Account, Creator, Target
from common.platform import Page, PlannedSearch

CONTENTS_MAX = 40
SEARCHES_MAX = 60
BRANCHES_PER_STEP_MAX = 3
BRANCH_SCORE_MIN = 0.2


def known_target(target: Target | None, page: Page) -> Target | None:
    """The target with what this page tells of it: the account laid over what was known, the posts added."""
    if page.target is not None:
        is_same = target is not None and target.account.platform_id == page.target.platform_id
        account = target.account.merged_with(page.target) if target and is_same else page.target
        target = Target(account=account, contents=target.contents if target and is_same else ())
    if target is None or not page.target_contents:
        return target
    contents = {content.platform_id: content for content in (*target.contents, *page.target_contents)}
    return target.model_copy(update={"contents": tuple(contents.values())[:CONTENTS_MAX]})


def decide_branches(
    creators: Sequence[Creator], branch: Callable[[Account], PlannedSearch] | None
) -> tuple[PlannedSearch, ...]:
    """Where a similar job goes on: from the most alike of the creators that a step delivered."""
    if branch is None:
        return ()
    scored = [(creator.likeness.score, creator) for creator in creators if creator.likeness]
    alike = sorted((one for one in scored if one[0] >= BRANCH_SCORE_MIN), key=lambda one: -one[0])
    return tuple(branch(creator.account) for _, creator in alike[:BRANCHES_PER_STEP_MAX])
