"""The release before and this one, side by side: on one database, one stream, one QStash, while jobs run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from local.faults.check import End, check
from local.faults.record import Record
from local.faults.release import ROOT, has_previous, previous_commit, unpack_previous
from local.faults.rollout import Poller, Rollout
from local.faults.site import Site
from local.stack import Options, Stack
from migrate.schema import upgrade

pytestmark = [
    pytest.mark.server,
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_previous(), reason=f"the history has no {previous_commit()}, as in a shallow clone"),
]

# The next expand, as `migrate` of the next release will run it: a column, an index, rows filled in batches.
TRIAL = (ROOT / "deploy/migrate/tests/trial",)
# Whoever collects traces is away; that must not matter, nor what is added to messages for it.
NEW: Mapping[str, str] = {"PYTHONPATH": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
ORDERS = {
    "doors first": ("webhook", "gateway", "tiktok", "instagram", "youtube"),
    "workers first": ("tiktok", "webhook", "gateway"),
    "gateway first, webhook last": ("gateway", "tiktok", "webhook"),
}
TARGET = 150
COMPLETED = End("completed", "target_reached")


@pytest.fixture(scope="module")
def old_site(tmp_path_factory: pytest.TempPathFactory, record: Record) -> Iterator[Site]:
    """A stack of the release before, its schema too."""
    path = unpack_previous(tmp_path_factory.mktemp("previous"))
    folder = tmp_path_factory.mktemp("stack")
    options = Options(folder=folder, latency="none", has_tester=True, environment={"PYTHONPATH": path})
    with Stack.start(options) as stack:
        yield Site(stack, record)


def migrate(site: Site, environment: Mapping[str, str]) -> None:
    """As the command of one of the two versions, beside all that runs."""
    command = site.stack.migration()
    site.stack.supervisor.run(replace(command, environment={**command.environment, **environment}), 120)


def create(site: Site, poller: Poller, *queries: str, platform: str = "tiktok", target: int = TARGET) -> None:
    """Jobs of one more user."""
    frontend = site.frontend()
    site.frontends.append(frontend)
    for query in queries:
        job_id = frontend.create(query, target=target, platform=platform)
        assert job_id is not None
        poller.add(frontend, job_id, platform)


def delivered(site: Site) -> int:
    return site.books.value("select coalesce(sum(delivered_count), 0) from jobs")


def version_of(site: Site, name: str) -> str:
    """Where a running service has its code from."""
    text = Path(f"/proc/{site.child(name).pid}/environ").read_bytes().decode()
    paths = [entry for entry in text.split("\0") if entry.startswith("PYTHONPATH=")]
    return "new" if paths == ["PYTHONPATH="] else "old"


@pytest.mark.parametrize("order", ORDERS)
def test_a_release_is_rolled_out_and_back_while_jobs_run(old_site: Site, order: str) -> None:
    """Migrate, then service by service; then back, on the schema that stays. No job, no poll and no creator is lost."""
    site = old_site
    site.renew()
    site.revive(*(name for name in ORDERS[order] if version_of(site, name) != "old"))  # a test before this one failed
    rollout = Rollout(site)
    poller = Poller(rollout)
    poller.start()
    site.upstream.take(search=0.4, profile=0.15)
    try:
        assert {version_of(site, name) for name in ORDERS[order]} == {"old"}
        create(site, poller, "vegan", "ramen", "cycling")
        for platform in ("instagram", "youtube"):
            create(site, poller, "bread", platform=platform, target=40)
        site.wait(lambda: delivered(site) > 0, "jobs of the old version run")
        migrate(site, NEW)
        upgrade(site.stack.urls["postgres"], versions=TRIAL)
        for number, name in enumerate(ORDERS[order]):
            queries = (f"mixed {order} {number}",)
            rollout.replace(name, NEW, lambda queries=queries: create(site, poller, *queries, target=30))
        assert {version_of(site, name) for name in ORDERS[order]} == {"new"}
        create(site, poller, "waffles", "sourdough")
        seen = delivered(site)
        site.wait(lambda: delivered(site) > seen, "jobs of the new version run")
        for name in reversed(ORDERS[order]):
            rollout.replace(name, {})
        assert {version_of(site, name) for name in ORDERS[order]} == {"old"}
        create(site, poller, "kayak")
        site.upstream.take(search=0, profile=0)
        site.await_end()
    finally:
        poller.end()
    assert poller.errors == []
    assert poller.polls > 50
    jobs = site.books.jobs()
    check(site, *([COMPLETED] * len(jobs)))
    unknown = site.books.value("select count(*) from upstream_calls where status = 'unknown'")
    site.record.note(
        f"side by side, {order}: {len(jobs)} jobs, {poller.polls} polls, no error; "
        f"of {paid(site)} calls {unknown} were given up at a shutdown, a named window"
    )
    site.record.confirm("a release is rolled out and back under running jobs")


def paid(site: Site) -> int:
    return sum(call.is_paid for call in site.upstream.calls())
