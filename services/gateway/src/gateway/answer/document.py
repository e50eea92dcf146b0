"""What all answers have in common: keys are camelCase, unknown is null."""

import msgspec


class Answer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A document of the API."""

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)
