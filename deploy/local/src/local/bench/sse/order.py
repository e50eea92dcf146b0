"""What a measurement is about: how many jobs, watchers and pages."""

from dataclasses import dataclass

STREAMS_PER_USER = 30  # the gateway's own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`every_ms`: a page of some job is committed this often."""

    jobs: int = 50
    watchers_per_job: int = 10
    pages_per_job: int = 12
    creators_per_page: int = 20
    every_ms: int = 50

    @property
    def watchers(self) -> int:
        return self.jobs * self.watchers_per_job

    def user_of(self, job: int) -> str:
        """The owner of a job: nobody watches more than one user may."""
        return f"user_{job // max(1, STREAMS_PER_USER // self.watchers_per_job)}"
