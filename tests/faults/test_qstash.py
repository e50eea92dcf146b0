"""QStash delivers at least once, in any order, with another clock, and its answers get lost."""

from typing import Any

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]

MISBEHAVIOUR: dict[str, dict[str, Any]] = {
    "twice at once": {"duplicate": 1},
    "twice, a while later": {"duplicate": 1, "duplicate_delay_s": 1.0},
    "out of order": {"reorder": 3},
    "stored, but not answered": {"drop_reply": 3},
    "delivered, but the answer lost": {"lose_answer": 4},
    "refused at first": {"fail_next": 4, "fail_status": 502},
    "signed a minute ahead": {"clock_skew_s": 59.0},
    "signed a minute behind": {"clock_skew_s": -59.0},
    "all of it": {"duplicate": 2, "reorder": 3, "drop_reply": 3, "lose_answer": 3, "fail_next": 3},
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_three_jobs_end_well_whatever_qstash_does(site: Site, name: str) -> None:
    site.qstash.switch(**MISBEHAVIOUR[name])
    for keyword in ("vegan", "ramen", "cycling"):
        site.user.create(keyword, target=40)
    site.await_end()
    check(site, REACHED, REACHED, REACHED)
    deliveries = site.qstash.deliveries()
    assert deliveries
    site.record.note(f"QStash {name}: {len(deliveries)} deliveries for {steps(site)} steps")


def steps(site: Site) -> int:
    return site.books.value("select count(*) from steps where claims_count > 0")
