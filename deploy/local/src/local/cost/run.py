"""The runs of `local cost`, as data: what is asked for, and what each run promises.

Rule: a row here is all that a run needs; what runs, measures and judges knows no platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final


class Promise(Enum):
    """What can be promised of a bill. Each is judged in verdict.py; the text names it when it is broken."""

    COMPLETED = "the job completes"
    CREDITS_AGREE = "the job's credits are those that the upstream charged"
    LACKING_ONLY = "paid calls are at most the pages and the new candidates that lacked a profile"
    PAGES_ONLY = "the run pays for pages only"
    NO_PROFILE = "no profile is asked for"
    ASKED_ONCE = "every distinct account is asked for once"


EVERY_RUN: Final = (Promise.COMPLETED, Promise.CREDITS_AGREE, Promise.LACKING_ONLY)

# Where a platform's profiles are asked for, and the parameters that name an account there.
PROFILE_PATHS: Final = {
    "tiktok": "/v1/tiktok/profile",
    "instagram": "/v1/instagram/profile",
    "youtube": "/v1/youtube/channel",
}
ACCOUNT_PARAMETERS: Final = ("channelId", "handle", "url", "user_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job to be run. Without a keyword it is one by likeness, to the first creator of a small keyword job."""

    platform: str
    target: int
    keyword: str | None = None
    note: str = ""
    promises: tuple[Promise, ...] = ()

    @property
    def mode(self) -> str:
        return "similar" if self.keyword is None else "keyword"

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.platform, self.mode, str(self.target), self.note)))


KEYWORDS: Final = {"tiktok": "vegan", "instagram": "vegan", "youtube": "vegan"}
SIMILAR_KEYWORD: Final = "sourdough"
"""What the small jobs search for whose first creator becomes the target of a similar job."""
SIMILAR_KEYWORD_TARGET: Final = 3

RUNS: Final = (
    Run(platform="tiktok", target=300, keyword=KEYWORDS["tiktok"], note="cold"),
    Run(platform="tiktok", target=300, keyword=KEYWORDS["tiktok"], note="again", promises=(Promise.PAGES_ONLY,)),
    Run(platform="tiktok", target=100),
    Run(platform="instagram", target=100, keyword=KEYWORDS["instagram"], promises=(Promise.NO_PROFILE,)),
    Run(platform="instagram", target=300, keyword=KEYWORDS["instagram"]),
    Run(platform="instagram", target=100),
    Run(platform="youtube", target=200, keyword=KEYWORDS["youtube"], promises=(Promise.ASKED_ONCE,)),
    Run(platform="youtube", target=100, promises=(Promise.ASKED_ONCE,)),
)


def smaller(runs: Sequence[Run], target_max: int) -> tuple[Run, ...]:
    """The same runs for at most so many creators: to judge what they promise in less time."""
    return tuple(replace(run, target=min(run.target, target_max)) for run in runs)
