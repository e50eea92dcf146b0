"""A worker that is frozen past its lease, and one that is slow but alive."""

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site
from local.faults.upstream import PROFILE, SEARCH

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize("path", [SEARCH, PROFILE])
def test_a_frozen_worker_commits_nothing_when_it_thaws(site: Site, path: str) -> None:
    """Frozen while an answer of the upstream is under way; another replica takes the step over and ends the job."""
    site.upstream.take(search=2, profile=1)
    site.user.create("vegan", target=40)
    site.wait(lambda: site.upstream.in_flight(path) > 0, "a call is under way")
    site.freeze("tiktok", f"in a call of {path}")
    frozen = site.before()
    site.upstream.take(search=0, profile=0)
    site.replicate("tiktok")
    site.await_end()
    [job] = site.books.jobs()
    before, seen = site.books.picture(job["id"]), len(site.log("tiktok"))
    site.thaw("tiktok")
    site.wait(lambda: site.said("tiktok", seen, "step.performed", reason="fenced"), "the frozen worker is fenced")
    assert site.books.picture(job["id"]) == before
    site.record.confirm("a worker that lost its lease changed nothing of the job")
    check(site, REACHED, before=frozen)


def test_a_step_may_take_longer_than_its_lease(site: Site) -> None:
    """Its heartbeats keep lease and message: nobody else gets it, and it is paid for once."""
    seen = len(site.log("tiktok"))
    site.replicate("tiktok")
    site.upstream.fail("slow", seconds=45)
    site.user.create("vegan", target=40)
    site.await_end()
    check(site, REACHED)
    told = [line for name in ("tiktok", "tiktok-2") for line in site.log(name)[seen if name == "tiktok" else 0 :]]
    performed = [line for line in told if line["event"] == "step.performed"]
    assert [line for line in performed if line["deliveries"] > 1] == []
    assert site.books.query("select from upstream_calls where status = 'unknown'") == []
    assert max(line["milliseconds"] for line in performed) > 45_000
    site.record.confirm("a step of twice its lease was delivered once and paid for once")
