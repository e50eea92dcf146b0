"""Two owners on one worker: a small job does not wait for a big owner's many."""

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(300)]

JOBS = 40
SLOTS = 16
PROFILES_AT_ONCE = 10


def test_a_small_job_gets_its_share_beside_forty_of_another_owner(site: Site) -> None:
    """From its first call to its end the big owner makes at most half of the calls, plus those under way."""
    site.limit_owners(JOBS)
    site.upstream.take(search=0.2, profile=0.1)
    small = site.frontend()
    site.frontends.append(small)
    for number in range(JOBS):
        site.user.create(f"topic {number}", target=20)
    site.wait(lambda: site.books.value("select count(*) from upstream_calls") > JOBS, "the big owner is at work")
    small.create("vegan", target=40)
    site.await_end()
    check(site, *[REACHED] * (JOBS + 1))
    told = site.books.query(
        """with own as (select j.id, min(c.opened_at) as began, j.ended_at from jobs j
                        join upstream_calls c on c.job_id = j.id where j.owner = %(owner)s group by j.id)
           select count(*) filter (where c.job_id = own.id) as own, count(*) filter (where c.job_id <> own.id) as others
           from own join upstream_calls c on c.opened_at between own.began and own.ended_at""",
        owner=small.owner,
    )
    own, others = told[0]["own"], told[0]["others"]
    site.record.note(f"fairness: {own} calls of the small owner's job beside {others} of the big owner's {JOBS} jobs")
    assert others <= own + SLOTS + PROFILES_AT_ONCE
    site.record.confirm("a big owner made at most its share of the calls beside a small one")
