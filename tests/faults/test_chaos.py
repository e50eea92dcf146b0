"""Everything dies, again and again, for half a minute; then every job completes and nothing happened twice."""

import os
import random
import time

import pytest

from local.faults.check import REACHED, check
from local.faults.site import Site

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]

LASTS_S = 30.0
SEED = "FAULTS_SEED"


def test_jobs_complete_whatever_dies(site: Site) -> None:
    """QStash and the upstream stay, because their stand-ins keep their state in memory."""
    seed = os.environ.get(SEED) or str(random.randrange(10**6))
    chance = random.Random(seed)
    print(f"{SEED}={seed}")
    site.upstream.take(search=1, profile=0.5)
    for keyword in ("vegan", "ramen", "cycling"):
        site.user.create(keyword, target=150)
    names = ["gateway", "webhook", "tiktok", site.replicate("tiktok"), "nats", "postgres"]
    ends_at = time.monotonic() + LASTS_S
    deaths = 0
    while time.monotonic() < ends_at:
        name = chance.choice(names)
        site.kill(name, "in the chaos")
        site.relaunch(name)
        deaths += 1
        site.pass_time(chance.uniform(1, 2))
        site.start_ended()
    site.record.note(f"chaos: {deaths} deaths in {LASTS_S:.0f} s ({SEED}={seed})")
    site.await_ready()
    before = site.before()
    site.await_end()
    check(site, REACHED, REACHED, REACHED, before=before)
