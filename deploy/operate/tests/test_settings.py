"""Settings: listed, set, reset, with their history; each refusal is one line on stderr and exit code 1."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from common.domain.setting_key import SETTING_KEYS

pytestmark = pytest.mark.server

RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text(encoding="utf-8")
KEPT = "Services have it within seconds.\n"


def done_well(done: Any) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refusal(done: Any) -> str:
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removesuffix("\n")


def stored(stage: Any) -> dict[str, Any]:
    rows = stage.rows("select category, key, value from system_settings")
    return {f"{row['category']}.{row['key']}": row["value"] for row in rows}


async def test_every_setting_is_listed_with_its_value_and_what_is_set_is_told(
    stage: Any, operate: Any, parsed: Any
) -> None:
    done_well(operate("settings", "set", "api.max_api_calls", 7, "--by", "ada lovelace"))
    lines = {line["name"]: line for line in parsed(operate("settings", "list", "--json"))}
    assert list(lines) == [setting.name for setting in SETTING_KEYS.values()]
    own = lines["api.max_api_calls"]
    assert (own["type"], own["default"], own["value"], own["overridden"]) == ("integer", 200, 7, True)
    assert (own["updated_by"], own["takes"], own["problem"]) == ("ada lovelace", "a whole number from 1 to 10000", None)
    assert not lines["limits.admin_user_ids"]["overridden"]
    for width in (80, 140):
        shown = operate("settings", "list", width=width).stdout
        assert max(len(line) for line in shown.splitlines()) <= width
        assert [name for name in lines if name not in shown] == []


async def test_the_first_administrator_is_named(stage: Any, operate: Any, parsed: Any) -> None:
    """As the runbook says."""
    shown = done_well(operate("settings", "set", "limits.admin_user_ids", '["user_2abc"]'))
    assert shown == f'limits.admin_user_ids: set to ["user_2abc"]. {KEPT}'
    assert stored(stage) == {"limits.admin_user_ids": ["user_2abc"]}
    (change,) = parsed(operate("settings", "history", "limits.admin_user_ids", "--json"))
    assert (change["was_default"], change["new_value"], change["changed_by"]) == (True, ["user_2abc"], "grace")
    assert done_well(operate("settings", "reset", "limits.admin_user_ids")), "an operator answers to nobody"
    assert stored(stage) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("api.max_api_calls", "7", 7),
        ("timeouts.standard_job_timeout", "PT90M", "PT1H30M"),
        ("timeouts.standard_job_timeout", "5400", "PT1H30M"),
        ("timeouts.standard_job_timeout", '"PT90M"', "PT1H30M"),
        ("limits.credits_per_owner_per_day", "none", None),
        ("limits.credits_per_owner_per_day", "null", None),
        ("limits.credits_per_owner_per_day", "0", 0),
        ("limits.admin_user_ids", "[]", []),
    ],
)
async def test_a_value_is_written_as_people_write_it(
    stage: Any, operate: Any, name: str, text: str, value: Any
) -> None:
    assert done_well(operate("settings", "set", name, text)) == f"{name}: set to {text}. {KEPT}"
    assert stored(stage) == {name: value}
    assert done_well(operate("settings", "set", name, text)) == f"{name}: it was so already.\n"
    assert len(stage.rows("select id from setting_changes")) == 1


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("api.max_api_calls", "0", "must be a whole number from 1 to 10000"),
        ("api.max_api_calls", "none", "must be a whole number from 1 to 10000"),
        ("api.max_api_calls", "NaN", "must be a whole number from 1 to 10000"),
        ("api.max_api_calls", "[" * 5000, "must be a whole number from 1 to 10000"),
        ("limits.admin_user_ids", "user_2abc", "must be a list of at most 100 user ids, like user_2abc"),
        ("limits.admin_user_ids", "[user_2abc]", "must be a list of at most 100 user ids, like user_2abc"),
        ("api.no_such", "1", "there is no such setting: operate settings list"),
        (
            "api.delay_between_calls",
            "PT1H",
            "api.delay_between_calls must be less than timeouts.standard_job_timeout: "
            "no job would reach its second page",
        ),
    ],
)
async def test_what_a_setting_does_not_take_is_refused(
    stage: Any, operate: Any, name: str, text: str, reason: str
) -> None:
    assert refusal(operate("settings", "set", name, text)) == f"operate: {name}: {reason}"
    assert (stored(stage), stage.rows("select id from setting_changes")) == ({}, [])


async def test_a_reset_is_a_change_and_once_only(stage: Any, operate: Any) -> None:
    done_well(operate("settings", "set", "api.max_api_calls", 7))
    assert done_well(operate("settings", "reset", "api.max_api_calls")) == (
        f"api.max_api_calls: back to its default. {KEPT}"
    )
    assert done_well(operate("settings", "reset", "api.max_api_calls")) == "api.max_api_calls: it was so already.\n"
    assert refusal(operate("settings", "reset", "api.no_such")).startswith("operate: api.no_such: there is no such")


async def test_the_history_is_of_all_or_of_one_the_newest_first(stage: Any, operate: Any) -> None:
    assert done_well(operate("settings", "history")) == "No changes.\n"
    done_well(operate("settings", "set", "limits.credits_per_owner_per_day", "none"))
    done_well(operate("settings", "set", "api.max_api_calls", 7))
    done_well(operate("settings", "reset", "api.max_api_calls", "--by", "eve"))
    every = [line.split() for line in done_well(operate("settings", "history")).splitlines()]
    assert [line[-4:] for line in every] == [
        ["setting", "from", "to", "by"],
        ["api.max_api_calls", "7", "default", "eve"],
        ["api.max_api_calls", "default", "7", "grace"],
        ["limits.credits_per_owner_per_day", "default", "none", "grace"],
    ]
    one = done_well(operate("settings", "history", "api.max_api_calls", "--count", 1))
    assert ("eve" in one, "grace" in one, "credits" in one) == (True, False, False)


async def test_what_keeps_the_settings_from_being_in_force_is_told_and_taken_away(stage: Any, operate: Any) -> None:
    stage.set("api", "max_api_calls", 0)
    stage.set("mood", "music", "\x1b[31mloud")
    done = operate("settings", "list")
    assert "\x1b" not in done.stdout
    assert done.stderr.splitlines() == [
        "operate: api.max_api_calls: must be a whole number from 1 to 10000; "
        "while this is stored, services keep the last good settings",
        "operate: mood.music: is not a known setting; while this is stored, services keep the last good settings",
    ]
    for name in ("api.max_api_calls", "mood.music"):
        assert operate("settings", "reset", name).returncode == 0
    assert done_well(operate("settings", "list"))


async def test_the_runbooks_commands_work_as_they_stand_there(stage: Any, operate: Any) -> None:
    lines = [line for line in RUNBOOK.splitlines() if line.startswith("operate settings ")]
    assert len(lines) >= 8
    for line in lines:
        done_well(operate(*shlex.split(line, comments=True)[1:]))
    assert stored(stage) == {
        "api.pages_per_delivery": 10,
        "timeouts.standard_job_timeout": "PT1H30M",
        "limits.credits_per_owner_per_day": None,
        "limits.admin_user_ids": ["user_2abc"],
        "limits.credits_per_day": 50000,
        "limits.credits_per_minute": 600,
        "retention.results": "P60D",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "api", "1"),
        ("set", ".max_api_calls", "1"),
        ("set", "api.max_api_calls"),
        ("set", "api.max_api_calls", "7", "--by", " "),
        ("reset", "api."),
        ("history", "api"),
        ("history", "--count", "0"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(operate: Any, arguments: tuple[str, ...]) -> None:
    done = operate("settings", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
