"""The switch over all paid calls, and what is spent."""

from typing import Any

import pytest

pytestmark = [pytest.mark.server, pytest.mark.security]


async def test_calls_are_stopped_and_allowed_again_and_the_history_says_by_whom(
    stage: Any, operate: Any, parsed: Any
) -> None:
    await stage.announce()
    assert operate("spending").stdout == "Paid calls: allowed. Granted today (UTC) 0 credits.\n"
    done = operate("spending", "stop", "--by", "Ada")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout == "Paid calls: stopped. None begins from now on; those under way are settled, and all jobs wait.\n"
    )
    assert parsed(operate("spending", "--json"))["is_stopped"] is True
    stopped = "Paid calls: stopped: operate spending allow. Granted today (UTC) 0 credits.\n"
    assert operate("spending").stdout == stopped
    assert operate("platforms").stdout.endswith(stopped), "who looks at the platforms sees it too"
    assert operate("spending", "stop", "--by", "Bea").returncode == 0, "a second time changes nothing"
    assert operate("spending", "allow", "--by", "Cy").stdout == "Paid calls: allowed. Workers go on within seconds.\n"
    assert "allowed" in operate("spending").stdout
    changes = stage.rows("select changed_by, new_value from setting_changes order by id")
    assert [(one["changed_by"], one["new_value"]) for one in changes] == [("Ada", "stopped"), ("Cy", None)]


async def test_what_is_used_of_the_caps(stage: Any, operate: Any) -> None:
    stage.set("limits", "credits_per_day", 50_000)
    stage.set("limits", "credits_per_minute", 600)
    stage.rows(
        "insert into spending_days (day, credits_granted) values ((now() at time zone 'UTC')::date, 1234) returning 1"
    )
    stage.rows(
        """insert into spending_minutes (minute, credits) select date_trunc('minute', now(), 'UTC')
               + n * interval '1 minute', 7 from generate_series(0, 1) n returning 1"""
    )
    assert operate("spending").stdout == (
        "Paid calls: allowed. Granted today (UTC) 1,234 of 50,000 credits, this minute 7 of 600 credits.\n"
    )


async def test_a_job_says_that_all_calls_wait(stage: Any, operate: Any) -> None:
    await stage.announce()
    [due] = await stage.create("a")

    def waits_on() -> str:
        lines = operate("job", due.job_id).stdout.splitlines()
        return next(line.removeprefix("waits on").strip() for line in lines if line.startswith("waits on"))

    stage.set("limits", "credits_per_minute", 10)
    stage.rows(
        """insert into spending_minutes (minute, credits) select date_trunc('minute', now(), 'UTC')
               + n * interval '1 minute', 10 from generate_series(0, 1) n returning 1"""
    )
    assert waits_on() == "the next minute: all credits of this one are used up"
    operate("spending", "stop", "--by", "Ada")
    assert waits_on() == "paid calls, which an operator stopped: operate spending allow"
