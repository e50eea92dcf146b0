"""Every crash point with the story that leads a process there. A point that is missing here fails a test."""

from dataclasses import dataclass

from local.faults import story
from local.faults.story import Story

GATEWAY, WEBHOOK, TIKTOK = "gateway", "webhook", "tiktok"


@dataclass(frozen=True, slots=True)
class Row:
    """A service dies at a point, after it passed it `skip` times; before that, at those of `earlier`, in turn."""

    point: str
    service: str
    story: Story
    skip: int = 0
    earlier: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        after = f":{self.skip}" if self.skip else ""
        return f"{self.point}{after}-{self.service}-{self.story.name}"


ROWS = (
    # the gateway, under a request
    Row("job.committed", GATEWAY, story.HUNT),
    Row("step.published", GATEWAY, story.HUNT),
    Row("publication.noted", GATEWAY, story.HUNT),
    Row("publication.awaited", GATEWAY, story.HUNT),
    Row("cancel.committed", GATEWAY, story.CANCEL),
    Row("hint.published", GATEWAY, story.CANCEL),
    Row("reopening.committed", GATEWAY, story.RETRY),
    Row("reopening.committed", GATEWAY, story.EXTEND),
    Row("letter.committed", GATEWAY, story.REDRIVE),
    Row("deletion.committed", GATEWAY, story.DELETE),
    Row("account.committed", GATEWAY, story.LEAVE),
    # the webhook, under a delivery
    Row("delivery.routed", WEBHOOK, story.HUNT),
    Row("delivery.remembered", WEBHOOK, story.HUNT),
    Row("delivery.remembered", WEBHOOK, story.HUNT, 1),
    Row("redrive.committed", WEBHOOK, story.UNDELIVERED),
    # the webhook's sweep
    Row("step.published", WEBHOOK, story.UNPUBLISHED),
    Row("publication.noted", WEBHOOK, story.UNPUBLISHED),
    Row("overdue.committed", WEBHOOK, story.OVERDUE),
    Row("hint.published", WEBHOOK, story.OVERDUE),
    Row("generation.raised", WEBHOOK, story.PURGED),
    Row("advisory.answered", WEBHOOK, story.GIVEN_UP),
    Row("redrive.committed", WEBHOOK, story.GIVEN_UP),
    Row("message.deleted", WEBHOOK, story.GIVEN_UP),
    Row("abandonment.committed", WEBHOOK, story.GIVEN_UP_TWICE),
    Row("admission.committed", WEBHOOK, story.RAISED_LIMIT),
    Row("conclusion.committed", WEBHOOK, story.IDLE),
    Row("departure.committed", WEBHOOK, story.LEAVE),
    Row("departure.committed", WEBHOOK, story.LEAVE, 1),
    Row("purge.committed", WEBHOOK, story.PURGE),
    # the worker
    Row("step.claimed", TIKTOK, story.HUNT),
    Row("step.claimed", TIKTOK, story.HUNT, 1),
    Row("calls.lost", TIKTOK, story.HUNT, earlier=("page.answered",)),
    Row("page.opened", TIKTOK, story.HUNT),
    Row("page.answered", TIKTOK, story.HUNT, 1),
    Row("page.committed", TIKTOK, story.HUNT),
    Row("step.published", TIKTOK, story.HUNT),
    Row("publication.noted", TIKTOK, story.HUNT),
    Row("profile.claimed", TIKTOK, story.HUNT, 5),
    Row("profile.opened", TIKTOK, story.HUNT, 5),
    Row("profile.answered", TIKTOK, story.HUNT, 5),
    Row("profile.stored", TIKTOK, story.HUNT, 15),
    Row("enrichment.committed", TIKTOK, story.HUNT),
    Row("hint.published", TIKTOK, story.HUNT),
    Row("message.answered", TIKTOK, story.HUNT),
    Row("grant.raised", TIKTOK, story.COSTLY),
    Row("failed_call.settled", TIKTOK, story.STUMBLE),
    Row("step.released", TIKTOK, story.FALL),
    Row("search_end.committed", TIKTOK, story.UNREADABLE),
    Row("platform.paused", TIKTOK, story.SLOW_DOWN),
    Row("probe.taken", TIKTOK, story.SLOW_DOWN),
    Row("platform.opened", TIKTOK, story.SLOW_DOWN),
    Row("abandonment.committed", TIKTOK, story.HOPELESS),
    Row("overdue.committed", TIKTOK, story.LATE_AT_THE_GATE),
    Row("overdue.committed", TIKTOK, story.LATE_AT_THE_CLAIM, earlier=("page.committed",)),
)
