"""Dynamic settings: defaults in code, bounds on every value, no unknown key."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from common.domain.setting import PaidCalls, SystemSettings

FIELDS = [
    (category, key)
    for category, field in SystemSettings.model_fields.items()
    for key in type(field.default).model_fields
]


# none: no limit
OPTIONAL = [
    ("limits", "credits_per_owner_per_day"),
    ("limits", "credits_per_day"),
    ("limits", "credits_per_minute"),
    ("limits", "requests_per_owner_per_minute"),
]


def read(category: str, key: str, value: Any) -> Any:
    settings = SystemSettings.model_validate({category: {key: value}})
    return getattr(getattr(settings, category), key)


def test_the_defaults_are_those_that_are_promised() -> None:
    settings = SystemSettings()
    assert SystemSettings.model_validate({}) == settings
    assert settings.api.max_api_calls == 200
    assert settings.api.delay_between_calls == timedelta(0)
    assert settings.api.enrichment_concurrency == 10
    assert settings.api.max_credits_per_job == 5000
    assert settings.timeouts.standard_job_timeout == timedelta(minutes=60)
    assert settings.limits.active_jobs_per_owner == 5
    assert settings.limits.parallel_searches_per_job == 5
    assert settings.profiles.max_age == timedelta(days=7)
    assert settings.recovery.sweep_every == timedelta(seconds=15)
    assert settings.recovery.stalled_after == timedelta(seconds=60)


@pytest.mark.parametrize(
    "stored",
    [
        {"api": {"max_calls": 3}},
        {"apis": {}},
        {"api": {"max_api_calls": 3, "Max_api_calls": 4}},
        {"max_api_calls": 3},
    ],
)
def test_an_unknown_key_is_an_error(stored: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SystemSettings.model_validate(stored)


@pytest.mark.parametrize(("category", "key"), FIELDS)
@pytest.mark.parametrize("value", [-1, "soon", [None], {}])
def test_every_key_refuses_what_is_out_of_its_bounds(category: str, key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        read(category, key, value)


@pytest.mark.parametrize(("category", "key"), [field for field in FIELDS if field not in OPTIONAL])
@pytest.mark.parametrize("value", [10**9, None])
def test_every_key_but_the_optional_ones_has_a_value_with_an_upper_bound(category: str, key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        read(category, key, value)


@pytest.mark.parametrize("key", ["credits_per_owner_per_day", "credits_per_day"])
def test_a_quota_is_a_number_of_credits_or_none(key: str) -> None:
    """None is no limit, 0 lets no job start; a fraction, a flag or a text is no number of credits."""
    assert getattr(SystemSettings().limits, key) is None
    for value in (None, 0, 1, 10**9):  # more would be no number to Postgres
        assert read("limits", key, value) == value
    for value in (-1, 0.5, 1.0, True, "100", 10**9 + 1):
        with pytest.raises(ValidationError):
            read("limits", key, value)


def test_paid_calls_are_allowed_or_stopped() -> None:
    assert SystemSettings().api.paid_calls is PaidCalls.ALLOWED
    assert read("api", "paid_calls", "stopped") is PaidCalls.STOPPED
    for value in ("", "Stopped", True, None, 0):
        with pytest.raises(ValidationError):
            read("api", "paid_calls", value)


def test_the_dearest_call_fits_into_the_smallest_minute() -> None:
    """One that never fitted would wait until its job's time is over."""
    assert read("limits", "credits_per_minute", 10) == 10
    with pytest.raises(ValidationError):
        read("limits", "credits_per_minute", 9)


def test_a_limit_of_requests_is_a_number_or_none_and_never_locks_everybody_out() -> None:
    assert SystemSettings().limits.requests_per_owner_per_minute == 3000
    for value in (None, 1, 10**6):
        assert read("limits", "requests_per_owner_per_minute", value) == value
    for value in (0, -1, 0.5, 1.0, True, "100", 10**7):
        with pytest.raises(ValidationError):
            read("limits", "requests_per_owner_per_minute", value)


@pytest.mark.parametrize(("category", "key"), FIELDS)
def test_every_key_takes_its_default_as_json_holds_it(category: str, key: str) -> None:
    default = SystemSettings().model_dump(mode="json")[category][key]
    assert read(category, key, default) == getattr(getattr(SystemSettings(), category), key)


@pytest.mark.parametrize(
    ("category", "key", "least", "most"),
    [
        ("api", "max_api_calls", 1, 10_000),
        ("api", "enrichment_concurrency", 1, 100),
        ("api", "max_credits_per_job", 1, 1_000_000),
        ("limits", "active_jobs_per_owner", 1, 1000),
        ("limits", "parallel_searches_per_job", 1, 100),
        ("recovery", "attempts_max", 1, 100),
        ("recovery", "redrives_max", 1, 100),
    ],
)
def test_the_bounds(category: str, key: str, least: int, most: int) -> None:
    assert read(category, key, least) == least
    assert read(category, key, most) == most
    for value in (least - 1, most + 1, least + 0.5):
        with pytest.raises(ValidationError):
            read(category, key, value)


@pytest.mark.parametrize("value", [90, 90.0, "PT90S", "PT1M30S", "00:01:30"])
def test_a_duration_is_a_number_of_seconds_or_iso_8601(value: Any) -> None:
    assert read("timeouts", "standard_job_timeout", value) == timedelta(seconds=90)


def test_administrators_are_user_ids_each_once() -> None:
    assert SystemSettings().limits.admin_user_ids == ()
    assert read("limits", "admin_user_ids", ["user_b", "user_a", "user_b"]) == ("user_b", "user_a")
    assert len(read("limits", "admin_user_ids", [f"user_{n}" for n in range(100)])) == 100
    odd: list[Any] = [
        "user_",
        "User_a",
        "org_a",
        "user_a ",
        "user_a\n",
        "user_ä",
        f"user_{'a' * 101}",
        1,
        None,
        ["user_a"],
    ]
    for value in odd:
        with pytest.raises(ValidationError):
            read("limits", "admin_user_ids", [value])
    for value in (None, "user_a", {"user_a": 1}, [f"user_{n}" for n in range(101)]):
        with pytest.raises(ValidationError):
            read("limits", "admin_user_ids", value)


def test_every_key_says_what_it_is_for() -> None:
    for category, field in SystemSettings.model_fields.items():
        for key, inner in type(field.default).model_fields.items():
            assert inner.description, f"{category}.{key}"
