"""A worker that is frozen past its lease, and one that is slow but alive."""

from typing import Any

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site
from local.faults.upstream import PROFILE, SEARCH

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]

SLOW_S = 35


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
    before = site.books.picture(job["id"])
    site.thaw("tiktok")
    site.wait(lambda: "fenced" in reasons(site, "tiktok"), "the frozen worker is fenced")
    assert site.books.picture(job["id"]) == before
    site.record.confirm("a worker that lost its lease changed nothing of the job")
    check(site, REACHED, before=frozen)


def test_a_step_may_take_longer_than_its_lease(site: Site) -> None:
    """Its heartbeats keep lease and message: nobody else gets it, and it is paid for once."""
    replicas = ("tiktok", site.replicate("tiktok"))
    site.upstream.fail("slow", seconds=SLOW_S)
    site.user.create("vegan", target=40)
    site.await_end()
    check(site, REACHED)
    steps = [line for name in replicas for line in performed(site, name)]
    assert [step for step in steps if step["deliveries"] > 1] == []
    assert site.books.query("select from upstream_calls where status = 'unknown'") == []
    assert max(step["milliseconds"] for step in steps) > SLOW_S * 1000
    site.record.confirm("a step of twice its lease was delivered once and paid for once")


def performed(site: Site, name: str) -> list[dict[str, Any]]:
    """The steps of a worker, as it logged them at their end."""
    return [line for line in site.log(name) if line["event"] == "step.performed"]


def reasons(site: Site, name: str) -> set[str]:
    return {step["reason"] for step in performed(site, name)}
