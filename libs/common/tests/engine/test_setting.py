"""Whether a setting may be changed: who asks stays an administrator, and the settings fit together."""

from datetime import timedelta
from typing import Any

from common.domain.setting import SystemSettings
from common.engine.setting import Refusal, refuse_change


def settings(*administrators: str, **given: Any) -> SystemSettings:
    """With these administrators; `delay` and `timeout` in seconds."""
    values = {
        "api": {"delay_between_calls": given.get("delay", 0)},
        "timeouts": {"standard_job_timeout": given.get("timeout", 3600)},
        "limits": {"admin_user_ids": administrators},
    }
    return SystemSettings.model_validate(values)


def test_an_administrator_stays_one() -> None:
    both, ada, bob = settings("user_ada", "user_bob"), settings("user_ada"), settings("user_bob")
    assert refuse_change(both, ada, administrator="user_ada") is None
    assert refuse_change(ada, both, administrator="user_ada") is None
    assert refuse_change(both, bob, administrator="user_ada") is Refusal.OWN_REMOVAL
    assert refuse_change(ada, settings(), administrator="user_ada") is Refusal.OWN_REMOVAL


def test_who_is_none_any_more_changes_nothing_and_does_not_come_back() -> None:
    ada, both = settings("user_ada"), settings("user_ada", "user_bob")
    assert refuse_change(ada, ada, administrator="user_bob") is Refusal.NOT_ADMINISTRATOR
    assert refuse_change(ada, both, administrator="user_bob") is Refusal.NOT_ADMINISTRATOR


def test_an_operator_may_name_the_first_administrator_and_remove_the_last() -> None:
    assert refuse_change(settings(), settings("user_ada"), administrator=None) is None
    assert refuse_change(settings("user_ada"), settings(), administrator=None) is None


def test_a_job_must_reach_its_second_page() -> None:
    good = settings(delay=59, timeout=60)
    assert good.api.delay_between_calls == timedelta(seconds=59)
    assert refuse_change(settings(), good, administrator=None) is None
    for bad in (settings(delay=60, timeout=60), settings(delay=59, timeout=59)):
        assert refuse_change(good, bad, administrator=None) is Refusal.NO_SECOND_PAGE


def test_what_was_wrong_before_keeps_nobody_from_another_change() -> None:
    bad = settings(delay=60, timeout=60)
    assert refuse_change(bad, settings("user_ada", delay=60, timeout=60), administrator=None) is None
