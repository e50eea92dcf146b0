"""Settings one by one: what each takes, and the one form in which a value is stored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.setting import SystemSettings
from common.domain.setting_key import SETTING_KEYS, SettingKey, SettingType, settings_of
from common.errors import CallerError

DELAY = SETTING_KEYS["api", "delay_between_calls"]
QUOTA = SETTING_KEYS["limits", "credits_per_owner_per_day"]
ADMINISTRATORS = SETTING_KEYS["limits", "admin_user_ids"]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.from_regex(r"-?P?[0-9]*[DTHMS]?[0-9]*[HMS]?"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_there_is_one_for_every_setting() -> None:
    assert [setting.name for setting in SETTING_KEYS.values()] == [
        f"{category}.{key}" for category, values in SystemSettings().model_dump().items() for key in values
    ]
    assert all(place == (setting.category, setting.key) for place, setting in SETTING_KEYS.items())
    assert all(setting.description for setting in SETTING_KEYS.values())


@pytest.mark.parametrize(
    ("name", "kind", "default", "minimum", "maximum", "is_nullable"),
    [
        ("api.max_api_calls", SettingType.INTEGER, 200, 1, 10_000, False),
        ("api.delay_between_calls", SettingType.DURATION, "PT0S", "PT0S", "P30D", False),
        ("timeouts.standard_job_timeout", SettingType.DURATION, "PT1H", "PT1S", "P30D", False),
        ("limits.credits_per_owner_per_day", SettingType.INTEGER, None, 0, 10**9, True),
        ("limits.admin_user_ids", SettingType.USER_IDS, [], 0, 100, False),
        ("api.paid_calls", SettingType.CHOICE, "allowed", None, None, False),
    ],
)
def test_what_is_told_of_a_setting(
    name: str, kind: SettingType, default: Any, minimum: Any, maximum: Any, is_nullable: bool
) -> None:
    category, key = name.split(".")
    setting = SETTING_KEYS[category, key]
    told = (setting.type, setting.default, setting.minimum, setting.maximum, setting.is_nullable)
    assert told == (kind, default, minimum, maximum, is_nullable)


@pytest.mark.parametrize("setting", SETTING_KEYS.values(), ids=lambda setting: setting.name)
def test_the_bounds_that_are_told_are_those_that_hold(setting: SettingKey) -> None:
    assert setting.parse(setting.default) == setting.default
    if setting.type in (SettingType.USER_IDS, SettingType.CHOICE):
        return
    assert setting.parse(setting.minimum) == setting.minimum
    assert setting.parse(setting.maximum) == setting.maximum
    assert isinstance(setting.maximum, str) or not setting.is_valid(setting.maximum + 1)
    assert isinstance(setting.maximum, int) or not setting.is_valid(f"{setting.maximum}T1S")
    assert not setting.is_valid(-1)


@pytest.mark.parametrize(("given", "stored"), [(90, "PT1M30S"), ("PT90S", "PT1M30S"), (0.5, "PT0.5S"), ("P1D", "P1D")])
def test_a_duration_is_stored_in_one_form(given: Any, stored: str) -> None:
    assert DELAY.parse(given) == stored


@pytest.mark.parametrize("setting", SETTING_KEYS.values(), ids=lambda setting: setting.name)
@pytest.mark.parametrize("value", [True, False, "soon", {}, [[]], float("nan"), float("inf"), 10**400, -1, "", "null"])
def test_what_a_setting_does_not_take_is_told_at_its_place(setting: SettingKey, value: Any) -> None:
    with pytest.raises(CallerError, match=r"^must be ") as caught:
        setting.parse(value)
    assert (caught.value.pointer, caught.value.code) == ("/value", setting.type.value)
    assert str(caught.value) == f"must be {setting.takes}"


def test_what_a_setting_takes_is_said_in_words() -> None:
    assert SETTING_KEYS["api", "max_api_calls"].takes == "a whole number from 1 to 10000"
    assert DELAY.takes == "a duration from PT0S to P30D, in ISO 8601 or as a number of seconds"
    assert QUOTA.takes == "a whole number from 0 to 1000000000, or null"
    assert ADMINISTRATORS.takes == "a list of at most 100 user ids, like user_2abc"
    assert SETTING_KEYS["api", "paid_calls"].takes == "allowed or stopped"


def test_none_is_a_value_only_where_it_means_something() -> None:
    assert [setting.name for setting in SETTING_KEYS.values() if setting.is_valid(None)] == [
        QUOTA.name,
        "limits.credits_per_day",
        "limits.credits_per_minute",
        "limits.requests_per_owner_per_minute",
    ]
    assert QUOTA.parse(None) is None


@given(st.sampled_from(list(SETTING_KEYS.values())), json_values)
def test_a_value_is_refused_or_stored_in_a_form_that_stays_the_same(setting: SettingKey, value: Any) -> None:
    """And whatever is stored, the services read it."""
    try:
        stored = setting.parse(value)
    except CallerError:
        return
    assert setting.parse(stored) == stored
    SystemSettings.model_validate({setting.category: {setting.key: stored}})


def test_what_is_not_valid_or_not_known_is_left_out() -> None:
    stored = {
        ("api", "max_api_calls"): 7,
        ("api", "enrichment_concurrency"): 0,
        ("api", "max_calls"): 7,
        ("mood", "good"): True,
        ("limits", "admin_user_ids"): ["user_ada"],
    }
    settings = settings_of(stored)
    assert settings.api.max_api_calls == 7
    assert settings.api.enrichment_concurrency == 10
    assert settings.limits.admin_user_ids == ("user_ada",)
    assert settings_of({}) == SystemSettings()
