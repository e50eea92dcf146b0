"""A process dies at a crash point and comes back: the job ends as if nothing had been, and everything adds up.

The table is in local.faults.point. Among its rows: the gateway between commit and publish (`job.committed`), the
webhook between the stream's acknowledgement and its own answer (`delivery.routed`), a worker between a paid answer and
its commit (`page.answered`, `profile.answered`).
"""

import pytest

from common.crash import CrashPoint
from local.faults.check import check
from local.faults.point import ROWS, Row
from local.faults.site import Site

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]


def test_every_crash_point_has_a_death() -> None:
    assert {row.point for row in ROWS} == set(CrashPoint)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_death_changes_nothing(site: Site, row: Row) -> None:
    """Killed there, started again, and the job goes on to its end."""
    first, *rest = [*((point, 0) for point in row.earlier), (row.point, row.skip)]
    row.story.prepare(site)
    site.arm(row.service, *first)
    row.story.begin(site)
    before = site.await_death(row.service, first[0])
    for point, skip in rest:
        site.arm(row.service, point, skip)
        before = site.await_death(row.service, point)
    site.revive(row.service)
    row.story.mend(site)
    site.await_end()
    check(site, *row.story.ends, before=before)
