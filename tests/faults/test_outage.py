"""NATS and Postgres go away in the middle of a job and come back: the services live through it."""

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site
from local.faults.upstream import PROFILE

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]

AWAY_S = 3.0


@pytest.mark.parametrize("server", ["nats", "postgres"])
def test_a_server_dies_in_the_middle(site: Site, server: str) -> None:
    """While pages and profiles are under way. What was under way when Postgres died is a named window."""
    site.upstream.take(search=0.5, profile=0.5)
    for keyword in ("vegan", "ramen"):
        site.user.create(keyword, target=100)
    site.wait(lambda: site.upstream.in_flight(PROFILE) > 5, "profiles are being bought")
    pids = site.pids()
    before = site.before()
    site.kill(server, "while pages and profiles were under way")
    site.pass_time(AWAY_S)
    site.revive(server)
    site.await_end()
    check(site, REACHED, REACHED, before=before)
    assert {name for name, pid in site.pids().items() if pids[name] != pid} == {server}
    site.record.confirm("the services lived through an outage by themselves")
