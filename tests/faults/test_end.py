"""Jobs that end before their target: by the clock, by their user. What was found stays; spending stops."""

import pytest

from local.faults.check import REACHED, End, check
from local.faults.site import Site
from local.faults.upstream import PROFILE, SEARCH

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]


def test_a_job_whose_upstream_hangs_ends_though_nobody_polls(site: Site) -> None:
    """The second page takes longer than the job may: the sweep ends it, the worker settles what it paid for."""
    site.books.set("timeouts.standard_job_timeout", 4)
    site.upstream.fail("slow", seconds=20, skip=1)
    site.user.create("vegan", target=200)
    site.await_end()
    [job] = site.books.jobs()
    assert job["delivered_count"] > 0, "the first page's creators are kept"
    assert (job["ended_at"] - job["deadline_at"]).total_seconds() < 12, "it did not wait for the page"
    check(site, End("timeout", "deadline", job["delivered_count"]))
    rows = site.books.query("select distinct outcome from step_outcomes where step = 1")
    outcomes = {row["outcome"] for row in rows}
    assert "surplus" in outcomes, "the late page is kept as what it is: paid for, and too late"
    assert "delivered" not in outcomes
    site.record.confirm("a job ended at its deadline though nobody polled, and kept its results")


def test_a_cancel_stops_spending(site: Site) -> None:
    """In the middle of a page's profiles: calls under way are settled, none is opened after the cancel's commit."""
    site.upstream.take(search=0, profile=1)
    job_id = site.user.create("vegan", target=100)
    site.wait(lambda: stored(site) > 0 and site.upstream.in_flight(PROFILE) > 5, "profiles are being bought")
    assert site.user.act(str(job_id), "cancel")
    opened = "select count(*) from upstream_calls where opened_at > %(since)s"
    answered_at = site.books.value("select clock_timestamp()")
    check(site, End("cancelled", "cancelled"))
    assert site.books.value(opened, since=answered_at) == 0
    [job] = site.books.jobs()
    assert job["delivered_count"] > 0, "what was found stays"
    assert site.books.value(opened, since=job["ended_at"]) <= 1, "at most the one that was in the gate just then"
    site.record.confirm("no paid call was opened after a cancel")


def test_a_cancel_between_two_pages_buys_no_further_page(site: Site) -> None:
    """The next page's message is with QStash, which delivers it after the cancel."""
    site.books.set("api.delay_between_calls", 60)
    site.qstash.switch(time_factor=1)
    job_id = site.user.create("vegan", target=200)
    site.wait(lambda: site.books.value("select count(*) from steps where phase = 'done'") > 0, "a page is done")
    assert site.user.act(str(job_id), "cancel")
    assert site.qstash.hurry() > 0
    site.wait(lambda: site.qstash.hurry() == 0, "the message is delivered")
    check(site, End("cancelled", "cancelled"))
    assert len(site.upstream.calls(SEARCH)) == 1
    site.record.confirm("no page was bought after a cancel")


def test_the_owners_next_job_follows_a_cancel(site: Site) -> None:
    site.limit_owners(1)
    site.upstream.take(search=0.3, profile=0.3)
    first = site.user.create("vegan", target=100)
    site.user.create("ramen", target=20)
    site.wait(lambda: site.upstream.in_flight(PROFILE) > 0, "profiles are being bought")
    assert site.user.act(str(first), "cancel")
    site.await_end()
    check(site, End("cancelled", "cancelled"), REACHED)


def stored(site: Site) -> int:
    return site.books.value("select count(*) from profiles where status = 'found'")
