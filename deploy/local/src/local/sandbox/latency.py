"""How long answers take."""

from enum import StrEnum

from local.sandbox.answer import Kind


class Latency(StrEnum):
    """Named sets of waiting times; `real` is what was measured of the real upstream."""

    DEMO = "demo"
    REAL = "real"
    NONE = "none"

    def seconds(self) -> dict[Kind, float]:
        search, profile = {Latency.DEMO: (0.3, 0.1), Latency.REAL: (3.5, 0.8), Latency.NONE: (0.0, 0.0)}[self]
        return {Kind.SEARCH: search, Kind.PROFILE: profile, Kind.ACCOUNT: profile}
