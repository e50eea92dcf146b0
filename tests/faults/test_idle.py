"""With everything started and nothing to do, Postgres is left alone."""

import pytest

from local.faults.site import Site

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(420)]

LOOKED_S = 15.0  # as long as between two sweeps
WINDOWS = 2
TRANSACTIONS_PER_S_MAX = 5.0


def test_idle_services_ask_postgres_a_few_times_a_second(site: Site) -> None:
    """With settings as by default, and QStash's schedule in its own time."""
    site.qstash.switch(time_factor=1)
    site.forget_settings()
    rates = [rate(site) for _ in range(WINDOWS)]
    site.record.note(f"idle: {min(rates):.1f} transactions per second in Postgres")
    assert min(rates) <= TRANSACTIONS_PER_S_MAX, rates
    site.record.confirm("idle services ask Postgres a few times a second")


def rate(site: Site) -> float:
    """Transactions per second. The first window still hears of the start: backends report when they come to it."""
    before = transactions(site)
    site.pass_time(LOOKED_S)
    return (transactions(site) - before) / LOOKED_S


def transactions(site: Site) -> int:
    return site.books.value(
        "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
    )
