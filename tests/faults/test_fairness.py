"""Two owners on one worker: a small job does not wait for a big owner's many."""

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]

JOBS = 40
PROFILES_AT_ONCE = 10

SHARES = """
    with calls as (select c.id::text as id, c.search_id, c.step, j.owner = %(owner)s as is_own from upstream_calls c
                   join jobs j on j.id = c.job_id where c.kind = 'profile'),
        ranked as (select *, percent_rank() over (partition by search_id, step order by id) as place from calls
                   where is_own),
        spans as (select min(id) as first, max(id) as last from ranked where place < 0.9 group by search_id, step)
    select count(*) filter (where is_own) as own, count(*) filter (where not is_own) as others
    from calls where exists (select from spans where calls.id between spans.first and spans.last)
"""
"""Profile calls in the order of their ids, from the first of a small owner's step on, while it has many to make: its
last tenth may wait for profiles that somebody else is just buying."""


def test_a_small_job_gets_its_share_beside_forty_of_another_owner(site: Site) -> None:
    """While it has profiles to buy the big owner buys at most as many, plus those under way."""
    site.limit_owners(JOBS)
    site.upstream.take(search=0.2, profile=0.1)
    small = site.frontend()
    site.frontends.append(small)
    for number in range(JOBS):
        site.user.create(f"topic {number}", target=15)
    site.wait(lambda: site.books.value("select count(*) from upstream_calls") > JOBS, "the big owner is at work")
    small.create("vegan", target=40)
    site.await_end()
    check(site, *[REACHED] * (JOBS + 1))
    [told] = site.books.query(SHARES, owner=small.owner)
    own, others = told["own"], told["others"]
    site.record.note(
        f"fairness: {own} profiles of the small owner's job beside {others} of the big owner's {JOBS} jobs"
    )
    assert own > 20
    assert others <= own + PROFILES_AT_ONCE
    site.record.confirm("a big owner made at most its share of the calls beside a small one")
