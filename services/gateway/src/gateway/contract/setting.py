"""Dynamic settings, for administrators."""

from gateway.answer.setting import SettingAnswer, SettingDetailAnswer, SettingList
from gateway.change import SettingBody
from gateway.contract.operation import Answer, Body, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CURSOR, LIMIT
from gateway.problem import Kind

_CATEGORY = Parameter(
    name="category", where="path", description="The setting's category.", is_required=True, example="limits"
)
_KEY = Parameter(
    name="key",
    where="path",
    description="The setting's key in its category.",
    is_required=True,
    example="credits_per_owner_per_day",
)
_SETTING = {
    "category": "limits",
    "key": "credits_per_owner_per_day",
    "type": "integer",
    "description": "credits for one owner's jobs a day (UTC); none: no limit",
    "default": None,
    "minimum": 0,
    "maximum": 1_000_000_000,
    "nullable": True,
    "value": 5000,
    "overridden": True,
    "problem": None,
    "updatedBy": "user_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "updatedAt": "2026-03-01T09:00:00Z",
}
_CHANGE = {
    "wasOverridden": False,
    "oldValue": None,
    "isOverridden": True,
    "newValue": 5000,
    "changedBy": "user_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "changedAt": "2026-03-01T09:00:00Z",
}
_PLACE = {"category": "$response.body#/items/0/category", "key": "$response.body#/items/0/key"}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/api/v1/settings",
        id="listSettings",
        tag="administration",
        summary="Every setting",
        description="What it takes, its default, its value. A `problem` says that the stored value is not in force: "
        "while there is one, services keep the last good settings.",
        answers=(
            Answer(
                200,
                "All settings.",
                (json_of(SettingList, {"items": [_SETTING]}),),
                links={"readSetting": Link(operation_id="readSetting", parameters=_PLACE)},
            ),
        ),
        problems=(Kind.FORBIDDEN,),
    ),
    Operation(
        method="GET",
        path="/api/v1/settings/{category}/{key}",
        id="readSetting",
        tag="administration",
        summary="A setting with its history",
        description="A page of what became of it, the newest change first; `nextCursor` asks for the next, null ends.",
        parameters=(_CATEGORY, _KEY, LIMIT, CURSOR),
        answers=(
            Answer(
                200,
                "The setting.",
                (
                    json_of(
                        SettingDetailAnswer,
                        {"setting": _SETTING, "history": {"items": [_CHANGE], "nextCursor": None}},
                    ),
                ),
            ),
        ),
        problems=(Kind.FORBIDDEN,),
    ),
    Operation(
        method="PUT",
        path="/api/v1/settings/{category}/{key}",
        id="changeSetting",
        tag="administration",
        summary="Change a setting",
        description="In force within seconds everywhere. A duration is ISO 8601 or a number of seconds. The same value "
        "again changes nothing. 422 at `/value` says what the setting takes; 409 if you would remove yourself from the "
        "administrators.",
        parameters=(_CATEGORY, _KEY),
        body=Body(
            model=SettingBody,
            examples={"number": {"value": 5000}, "duration": {"value": "PT90M"}, "none": {"value": None}},
        ),
        answers=(Answer(200, "The setting as it is now.", (json_of(SettingAnswer, _SETTING),)),),
        problems=(Kind.FORBIDDEN, Kind.CONFLICT),
    ),
    Operation(
        method="DELETE",
        path="/api/v1/settings/{category}/{key}",
        id="restoreSetting",
        tag="administration",
        summary="Put a setting back to its default",
        description="409 if other settings do not go together with the default, or if you would remove yourself from "
        "the administrators.",
        parameters=(_CATEGORY, _KEY),
        answers=(
            Answer(
                200,
                "The setting with its default.",
                (
                    json_of(
                        SettingAnswer,
                        {**_SETTING, "value": None, "overridden": False, "updatedBy": None, "updatedAt": None},
                    ),
                ),
            ),
            Answer(204, "What was stored under a key that is not known is gone."),
        ),
        problems=(Kind.FORBIDDEN, Kind.CONFLICT),
    ),
)
