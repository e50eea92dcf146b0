"""The dynamic settings one by one: what each is for, what it takes, and a value in the one form that is stored.

Made from the models of `domain.setting`, so that nothing is said twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import UnionType
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from common.domain.setting import SystemSettings
from common.errors import CallerError

# (category, key) → value, as `system_settings` holds it: what is not there has its default.
Stored = Mapping[tuple[str, str], Any]


class SettingType(StrEnum):
    INTEGER = "integer"
    DURATION = "duration"
    USER_IDS = "user_ids"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingKey:
    """One setting. Values and bounds are as JSON holds them: durations in ISO 8601. For a list, the bounds are those
    of its length; a choice has none, it has `choices`."""

    category: str
    key: str
    type: SettingType
    description: str
    default: Any
    minimum: int | str | None
    maximum: int | str | None
    is_nullable: bool
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.category}.{self.key}"

    @property
    def takes(self) -> str:
        """What a value must be, in words."""
        match self.type:
            case SettingType.INTEGER:
                words = f"a whole number from {self.minimum} to {self.maximum}"
            case SettingType.DURATION:
                words = f"a duration from {self.minimum} to {self.maximum}, in ISO 8601 or as a number of seconds"
            case SettingType.USER_IDS:
                words = f"a list of at most {self.maximum} user ids, like user_2abc"
            case SettingType.CHOICE:
                words = " or ".join(self.choices)
        return f"{words}, or null" if self.is_nullable else words

    def parse(self, value: Any) -> Any:
        """The value in the form that is stored. Raises CallerError at /value."""
        try:
            if isinstance(value, bool):  # to pydantic true is a second
                raise self._refused()
            settings = SystemSettings.model_validate({self.category: {self.key: value}})
        except ValidationError:
            raise self._refused() from None
        return settings.model_dump(mode="json")[self.category][self.key]

    def is_valid(self, value: Any) -> bool:
        try:
            self.parse(value)
        except CallerError:
            return False
        return True

    def _refused(self) -> CallerError:
        return CallerError(f"must be {self.takes}", pointer="/value", code=self.type.value)


def settings_of(stored: Stored) -> SystemSettings:
    """The settings that are in force if every stored value that is not valid, and every unknown key, is left out."""
    valid: dict[str, dict[str, Any]] = {}
    for place, setting in SETTING_KEYS.items():
        if place in stored and setting.is_valid(stored[place]):
            valid.setdefault(setting.category, {})[setting.key] = stored[place]
    return SystemSettings.model_validate(valid)


def _setting_key(category: str, key: str, field: FieldInfo) -> SettingKey:
    kind = _type_of(field)
    least, most = _bounds(field)
    return SettingKey(
        category=category,
        key=key,
        type=kind,
        description=field.description or "",
        default=_DEFAULTS[category][key],
        minimum=0 if kind is SettingType.USER_IDS else _as_json(least),
        maximum=_as_json(most),
        is_nullable=type(None) in get_args(field.annotation),
        choices=_choices(field),
    )


def _type_of(field: FieldInfo) -> SettingType:
    annotation: Any = field.annotation
    if isinstance(annotation, UnionType):
        annotation = get_args(annotation)[0]
    if annotation is int:
        return SettingType.INTEGER
    if _choices(field):
        return SettingType.CHOICE
    return SettingType.DURATION if annotation is timedelta else SettingType.USER_IDS


def _choices(field: FieldInfo) -> tuple[str, ...]:
    kind = field.annotation
    return tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _bounds(field: FieldInfo) -> tuple[Any, Any]:
    least, most = None, None
    for rule in field.metadata:
        least = getattr(rule, "ge", least)
        most = getattr(rule, "le", getattr(rule, "max_length", most))
    return least, most


def _as_json(bound: Any) -> int | str | None:
    """A duration as pydantic writes it."""
    if bound is None:
        return None
    if isinstance(bound, timedelta):
        return str(_DURATION.dump_python(bound, mode="json"))
    assert isinstance(bound, int)
    return bound


_DURATION = TypeAdapter(timedelta)
_DEFAULTS: Mapping[str, Mapping[str, Any]] = SystemSettings().model_dump(mode="json")

# In the order in which they are defined.
SETTING_KEYS: Mapping[tuple[str, str], SettingKey] = {
    (category, key): _setting_key(category, key, field)
    for category, group in SystemSettings.model_fields.items()
    for key, field in type(group.default).model_fields.items()
}
