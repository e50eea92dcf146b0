"""What callers send to change what is there. Read like every body (gateway.body)."""

from typing import Any, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from common.domain.model import CamelModel
from gateway.text import CampaignName


class CampaignChangeBody(CamelModel):
    """None leaves a thing as it is."""

    name: CampaignName | None = None
    archived: bool | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.name is None and self.archived is None:
            raise PydanticCustomError("nothing", "must have name or archived")
        return self


class SettingBody(CamelModel):
    """`value` is of the setting's type, which says what it takes; null is a value too."""

    value: Any
