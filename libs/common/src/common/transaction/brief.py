"""What the engine may know of a job's wishes, read under its lock."""

from common.domain.creator import Target
from common.domain.job import PlatformName
from common.engine.brief import Brief, profile_facts
from common.engine.likeness import portrait_of
from common.platform import Platform
from common.transaction.lock import LockedWork


def brief_of(work: LockedWork, platform: Platform | None, target: Target | None) -> Brief:
    """The job's brief. Without a platform it can judge but not tell whether a profile is needed."""
    is_lacking, told = profile_facts(platform.profile if platform else None)
    return Brief(
        platform=PlatformName(work.job.platform),
        now=work.clock.now(),
        filters=work.job.filters,
        target_id=target.account.platform_id if target else None,
        portrait=portrait_of(target) if target else None,
        is_lacking=is_lacking,
        told=told,
    )
