"""What widens the schema comes before a rollout, what narrows it after; neither disturbs whom it finds at work.

The revisions of `trial` stand in for those to come: a column, an index, rows to be filled, a contract, and another
expand behind it.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import UndefinedColumn

from common.errors import ConfigurationError
from local.child import Child, Command, plain_environment, wait_until
from migrate.plan import Phase, Revision, choose
from migrate.schema import LOCK_WAIT_S, upgrade

pytestmark = pytest.mark.server

HERE = Path(__file__).parent
TRIAL = (HERE / "trial",)
NEXT = (HERE / "trial", HERE / "trial" / "next")
ROWS = 60_000
PROGRAM = """
import sys
from pathlib import Path
from migrate.schema import upgrade
upgrade(sys.argv[1], versions=[Path(sys.argv[2])])
"""

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a migration as a process that can be killed."""
    children: list[Child] = []

    def start(url: str) -> Child:
        argv = [sys.executable, "-c", PROGRAM, url, str(TRIAL[0])]
        child = Child.start(Command("migrate", argv, plain_environment(), tmp_path / f"{len(children)}.log"))
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()


def version(url: str) -> str:
    return str(value(url, "select version_num from schema_version"))


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def add_profiles(url: str, count: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            """insert into profiles (platform, platform_id, status, fetched_at)
               select 'tiktok', n::text, 'not_found', now() from generate_series(1, %s) n""",
            [count],
        )


def test_a_rollout_walks_from_expand_to_contract(database_url: str) -> None:
    """Each run does what is safe now; again it changes nothing; out of turn it says what comes first."""
    for _ in range(2):
        upgrade(database_url, versions=TRIAL)
        assert version(database_url) == "9003"
    with pytest.raises(ConfigurationError, match=r"revision 9004 is a contract and comes first.*migrate --contract"):
        upgrade(database_url, versions=NEXT)
    assert version(database_url) == "9003"
    for _ in range(2):
        upgrade(database_url, versions=TRIAL, is_contract=True)
        assert version(database_url) == "9004"
    with pytest.raises(UndefinedColumn):
        value(database_url, "select trial from profiles")
    upgrade(database_url, versions=NEXT)
    assert version(database_url) == "9005"


def test_a_version_is_not_left_out_if_it_took_something_away(database_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"roll out the one that ends with contract 9004 first"):
        upgrade(database_url, versions=NEXT)
    with pytest.raises(ConfigurationError, match=r"revision 9001 is an expand and comes first"):
        upgrade(database_url, versions=NEXT, is_contract=True)
    assert version(database_url) == "0009"


def test_an_empty_database_gets_everything(empty_database_url: str) -> None:
    upgrade(empty_database_url, versions=NEXT)
    assert version(empty_database_url) == "9005"


def test_an_older_version_leaves_a_wider_schema_alone_and_refuses_a_narrower_one(database_url: str) -> None:
    """Rolled back, `migrate` of the version before runs again: on an expanded schema it has nothing to do."""
    upgrade(database_url, versions=TRIAL)
    upgrade(database_url)
    assert version(database_url) == "9003"
    upgrade(database_url, versions=TRIAL, is_contract=True)
    with pytest.raises(ConfigurationError, match=r"has had contract 9004, which this version does not know"):
        upgrade(database_url)


@pytest.mark.parametrize(
    ("phases", "is_contract", "chosen"),
    [
        ("", False, ""),
        ("", True, ""),
        ("ee", False, "ee"),
        ("eec", False, "ee"),
        ("eece", False, None),
        ("c", False, ""),
        ("ee", True, ""),
        ("cc", True, "cc"),
        ("cce", True, "cc"),
        ("ce", False, None),
        ("ec", True, None),
    ],
)
def test_a_run_goes_up_to_what_is_not_its_own(phases: str, is_contract: bool, chosen: str | None) -> None:
    names: dict[str, Phase] = {"e": "expand", "c": "contract"}
    pending = [Revision(str(place), names[letter]) for place, letter in enumerate(phases)]
    if chosen is None:
        with pytest.raises(ConfigurationError):
            choose(pending, is_new=False, is_contract=is_contract)
    else:
        assert choose(pending, is_new=False, is_contract=is_contract) == pending[: len(chosen)]
    assert choose(pending, is_new=True, is_contract=is_contract) == pending


def test_a_lock_that_is_held_is_asked_for_again_and_nobody_queues_for_long(database_url: str) -> None:
    """A transaction reads a table for five seconds; who writes to it meanwhile waits no longer than one attempt."""
    with psycopg.connect(database_url) as reader, ThreadPoolExecutor(1) as pool:
        reader.execute("select count(*) from profiles")
        migration = pool.submit(upgrade, database_url, versions=TRIAL)
        longest = 0.0
        for number in range(20):
            began = time.monotonic()
            with psycopg.connect(database_url) as writer:
                writer.execute(
                    """insert into profiles (platform, platform_id, status, fetched_at)
                       values ('t', %s, 'not_found', now())""",
                    [str(number)],
                )
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.2)
        assert not migration.done()
        assert longest > 0.2 * LOCK_WAIT_S, "somebody did queue behind the migration"
        assert longest < LOCK_WAIT_S + 1
        reader.rollback()
        migration.result(60)
    assert version(database_url) == "9003"


def test_who_never_gets_its_lock_says_so_and_leaves_nothing(database_url: str) -> None:
    with psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from profiles")
        with pytest.raises(TimeoutError, match=r"a lock was not to be had in 0 s"):
            upgrade(database_url, versions=TRIAL, locks_max_s=0)
    assert version(database_url) == "0009"


def test_one_that_is_killed_while_it_fills_is_taken_up_where_it_stood(database_url: str, start: Start) -> None:
    add_profiles(database_url, ROWS)
    upgrade(database_url, "9002", versions=TRIAL)
    child = start(database_url)
    filled = "select count(*) from profiles where trial is not null"
    assert wait_until(lambda: bool(value(database_url, filled)), 30), child.last_lines()
    child.signal(signal.SIGKILL)
    assert child.await_exit(5)
    before = value(database_url, filled)
    assert isinstance(before, int)
    assert 0 < before < ROWS, "killed in the middle"
    assert version(database_url) == "9002"
    two = [start(database_url), start(database_url)]
    for each in two:
        assert each.await_exit(60)
        assert each.exit_code == 0, each.last_lines()
    assert value(database_url, filled) == ROWS
    # Each row was written once by us: those of before the kill were not touched again.
    assert value(database_url, "select n_tup_upd from pg_stat_user_tables where relname = 'profiles'") == ROWS
    assert version(database_url) == "9003"


def test_rows_that_somebody_holds_are_passed_over_and_come_last(database_url: str) -> None:
    add_profiles(database_url, 3000)
    upgrade(database_url, "9002", versions=TRIAL)
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("update profiles set status = 'not_found' where platform_id = '7'")
        migration = pool.submit(upgrade, database_url, versions=TRIAL)
        left = "select count(*) from profiles where trial is null"
        assert wait_until(lambda: value(database_url, left) == 1, 30)
        assert not migration.done()
        holder.commit()
        migration.result(30)
    assert value(database_url, left) == 0


def test_an_index_whose_build_was_killed_is_built_anew(database_url: str, start: Start) -> None:
    """A transaction that wrote before the build began holds it up; killed there, it leaves an invalid index."""
    add_profiles(database_url, 100)
    upgrade(database_url, "9001", versions=TRIAL)
    with psycopg.connect(database_url) as writer:
        writer.execute("update profiles set status = status where platform_id = '1'")
        child = start(database_url)
        invalid = (
            "select exists (select from pg_index where indexrelid = to_regclass('trial_index') and not indisvalid)"
        )
        assert wait_until(lambda: bool(value(database_url, invalid)), 30), child.last_lines()
        with psycopg.connect(database_url) as other:  # nobody waits for the build
            other.execute("set lock_timeout = '500ms'")
            other.execute("update profiles set status = status where platform_id = '2'")
        child.signal(signal.SIGKILL)
        assert child.await_exit(5)
        with psycopg.connect(database_url, autocommit=True) as other:  # the server notices that nobody is there
            other.execute("""select pg_terminate_backend(pid, 10000) from pg_stat_activity
                             where application_name = 'migrate' and datname = current_database()""")
        writer.commit()
    assert value(database_url, invalid) is True
    assert version(database_url) == "9001"
    upgrade(database_url, versions=TRIAL)
    assert value(database_url, invalid) is False
    assert value(database_url, "select indisvalid from pg_index where indexrelid = 'trial_index'::regclass") is True
    assert version(database_url) == "9003"
