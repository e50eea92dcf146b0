"""How much has happened in a database before anything is measured in it."""

from dataclasses import dataclass
from typing import Final

CANDIDATES_PER_FULL_JOB: Final = 1000
PAGES_PER_FULL_JOB: Final = 25
JOBS_PER_OWNER: Final = 100
JOBS_PER_CAMPAIGN: Final = 10
ACTIVE_JOBS: Final = 200
"""Jobs that run now, at every size: what grows is what was, not what is."""


@dataclass(frozen=True, slots=True)
class Size:
    """`jobs` were, one in ten of them the largest owner's. The last `full_jobs` of them still hold their creators,
    1,000 candidates on 25 pages each. Of the others the creators were removed when their time was over."""

    name: str
    jobs: int
    full_jobs: int

    @property
    def candidates(self) -> int:
        return self.full_jobs * CANDIDATES_PER_FULL_JOB

    @property
    def jobs_of_largest(self) -> int:
        return self.jobs // 10

    @property
    def owners(self) -> int:
        """With the largest, who is the first."""
        return 1 + max(1, (self.jobs - self.jobs_of_largest) // JOBS_PER_OWNER)


SMALL: Final = Size("small", jobs=5_000, full_jobs=10)
LARGE: Final = Size("large", jobs=500_000, full_jobs=2_000)
