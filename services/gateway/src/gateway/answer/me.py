"""Who asks, and what their owner may still do, as the API shows it."""

from datetime import datetime

from common.db.owner import Standing
from common.domain.setting import LimitSettings
from gateway.answer.document import Answer
from gateway.auth.principal import Principal


class DailyCredits(Answer, frozen=True, rename="camel", kw_only=True):
    """`limit` and `left` are null if there is no limit."""

    limit: int | None
    granted_today: int
    left: int | None
    resets_at: datetime


class OwnerLimits(Answer, frozen=True, rename="camel", kw_only=True):
    active_jobs: int
    credits_per_day: DailyCredits


class MeAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    user_id: str
    organisation_id: str | None
    owner: str
    is_administrator: bool
    actor: str | None
    limits: OwnerLimits
    active_jobs: int
    waiting_jobs: int

    @classmethod
    def of(
        cls, principal: Principal, limits: LimitSettings, standing: Standing, *, is_administrator: bool
    ) -> "MeAnswer":
        limit = limits.credits_per_owner_per_day
        granted = standing.credits_granted_today
        return cls(
            user_id=principal.user_id,
            organisation_id=principal.org_id,
            owner=principal.owner,
            is_administrator=is_administrator,
            actor=principal.actor,
            limits=OwnerLimits(
                active_jobs=limits.active_jobs_per_owner,
                credits_per_day=DailyCredits(
                    limit=limit,
                    granted_today=granted,
                    left=None if limit is None else max(0, limit - granted),
                    resets_at=standing.resets_at,
                ),
            ),
            active_jobs=standing.active_jobs,
            waiting_jobs=standing.waiting_jobs,
        )
