"""What becomes of a pending candidate of whom nothing more will be learnt, in the course of a job and at its end."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Account, Contact, Creator, Match
from common.domain.filter import Filters, Unknown
from common.domain.job import PlatformName
from common.domain.outcome import Outcome
from common.engine.brief import Brief
from common.engine.enrichment import Verdict, judge, judge_at_end

DELIVERED = Verdict(outcome=Outcome.DELIVERED)
PRIVATE = Verdict(outcome=Outcome.PRIVATE)
SURPLUS = Verdict(outcome=Outcome.SURPLUS)


def filtered(rule: str) -> Verdict:
    return Verdict(outcome=Outcome.FILTERED, rule=rule)


def creator(**account: Any) -> Creator:
    return Creator(
        account=Account(**{"platform_id": "1", "handle": "ada"} | account),
        contact=Contact(),
        content=None,
        matched=Match(kind="keyword", query="q"),
    )


@pytest.mark.parametrize(
    ("unknown", "account", "verdict", "at_end"),
    [
        (Unknown.KEEP, {"followers": 10}, DELIVERED, DELIVERED),
        (Unknown.KEEP, {"followers": 9}, filtered("followersMin"), SURPLUS),
        (Unknown.KEEP, {}, DELIVERED, DELIVERED),
        (Unknown.DROP, {"followers": 10}, DELIVERED, DELIVERED),
        (Unknown.DROP, {}, filtered("followersMin:unknown"), SURPLUS),
        (Unknown.DROP, {"private": True, "followers": 10}, PRIVATE, PRIVATE),
        (Unknown.DROP, {"private": True, "followers": 9}, PRIVATE, PRIVATE),
        (Unknown.DROP, {"private": True}, PRIVATE, PRIVATE),
        (Unknown.DROP, {"private": False, "followers": 10}, DELIVERED, DELIVERED),
    ],
)
def test_private_outranks_a_filter_and_at_the_end_only_what_a_filter_rejects_is_surplus(
    unknown: Unknown, account: dict[str, Any], verdict: Verdict, at_end: Verdict
) -> None:
    filters = Filters(followers_min=10, unknown=unknown)
    brief = Brief(platform=PlatformName.TIKTOK, now=datetime(2026, 11, 1, tzinfo=UTC), filters=filters)
    assert judge(brief, creator(**account)) == verdict
    assert judge_at_end(brief, creator(**account)) == at_end
