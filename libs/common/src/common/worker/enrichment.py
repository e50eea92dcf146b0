"""Learning the profiles of a step's pending candidates: from the cache first, the rest bought side by side."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from common.crash import CrashPoint
from common.db import ledger as ledger_table
from common.db import profile as profile_table
from common.db.candidate import PendingCandidate
from common.db.profile import CLAIM_LASTS, ProfileClaim, SeenProfile, StoredProfile
from common.db.step import Claim
from common.domain.creator import Account
from common.domain.outcome import Enrichment
from common.engine.brief import Brief, profile_facts
from common.engine.cache import cache_max_age
from common.engine.enrichment import Enriched
from common.errors import CreatorscoutError, NotFoundError, RetryError, ShapeError, SkipError
from common.platform import Platform, ProfileKind
from common.tracing.span import span
from common.worker.completion import completed
from common.worker.purchase import Bought, Buyer, BuyerDoors, GateShutError, Order, is_credit_limit
from common.worker.retry import with_retries
from common.worker.slot import FairSlots

log = structlog.get_logger()

LOOK_AGAIN_S = 0.25
LOOKS_MAX = 400  # longer than any claim lasts


@dataclass(slots=True)
class _Round:
    """One step's enrichment: what stops the buying, once it is stopped."""

    claim: Claim
    token: UUID
    max_age: timedelta
    brief: Brief
    stopped_by: CreatorscoutError | None = None


class Enricher:
    """Enriches for one platform, whose profile endpoint is `kind`."""

    def __init__(self, doors: BuyerDoors, buyer: Buyer, platform: Platform, kind: ProfileKind) -> None:
        self._database = doors.database
        self._crash = doors.crash
        self._clock = doors.clock
        self._buyer = buyer
        self._platform = platform
        self._kind = kind
        self._slots = FairSlots(0)

    async def enrich(
        self, claim: Claim, token: UUID, pending: Sequence[PendingCandidate], *, concurrency: int, max_age: timedelta
    ) -> list[Enriched]:
        """Everything that could be learnt of each candidate, in their order.

        What a limit of the job cut off is `skipped`, what cannot be read is `failed`. Raises what concerns the whole
        step: a pause of the platform, a fence, the job's end, or RetryError if profiles could not be reached; what
        was bought by then is kept in the cache.
        """
        stored = await self._stored(pending, max_age)
        self._slots.resize(concurrency)
        work = _Round(claim=claim, token=token, max_age=max_age, brief=self._brief(claim))
        tasks = [asyncio.ensure_future(self._one(work, candidate, stored)) for candidate in pending]
        try:
            results = await asyncio.gather(*tasks)
        finally:
            # After a fault or a cancel nobody goes on alone: each gives its profile back before the step is released.
            for task in tasks:
                if not task.cancelling():
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if work.stopped_by is not None:
            raise work.stopped_by
        return results

    async def give_up(self, claim: Claim, pending: Sequence[PendingCandidate], *, max_age: timedelta) -> list[Enriched]:
        """The same without a call: what is in the cache is used, the rest is `failed`."""
        stored = await self._stored(pending, max_age)
        brief = self._brief(claim)
        return [_unbought(brief, one, stored) or as_known(one, Enrichment.FAILED) for one in pending]

    def _brief(self, claim: Claim) -> Brief:
        """What this job wants to know of an account."""
        is_lacking, told = profile_facts(self._kind)
        return Brief(
            platform=self._platform.name, now=self._clock.now(), filters=claim.filters, is_lacking=is_lacking, told=told
        )

    async def _one(self, work: _Round, candidate: PendingCandidate, stored: dict[str, StoredProfile]) -> Enriched:
        unbought = _unbought(work.brief, candidate, stored)
        if unbought is not None:
            return unbought
        try:
            with span("learn profile"):
                return await self._look_up(work, candidate)
        except NotFoundError:
            return as_known(candidate, Enrichment.NOT_FOUND)
        except SkipError as error:
            log.info("profile.unreadable", error=type(error).__name__)
            return as_known(candidate, Enrichment.FAILED)
        except GateShutError as error:
            if is_credit_limit(error):
                return as_known(candidate, Enrichment.SKIPPED)
            return self._stop(work, candidate, error)
        except CreatorscoutError as error:
            return self._stop(work, candidate, error)

    def _stop(self, work: _Round, candidate: PendingCandidate, error: CreatorscoutError) -> Enriched:
        """Let the calls under way finish, start no further one; a platform-wide reason outranks a transient one."""
        if work.stopped_by is None or (isinstance(work.stopped_by, RetryError) and not isinstance(error, RetryError)):
            work.stopped_by = error
        return as_known(candidate, Enrichment.SKIPPED)

    async def _look_up(self, work: _Round, candidate: PendingCandidate) -> Enriched:
        for _ in range(LOOKS_MAX):
            async with self._slots.slot(work.claim.owner):
                if work.stopped_by is not None and not isinstance(work.stopped_by, RetryError):
                    return as_known(candidate, Enrichment.SKIPPED)
                bought = await self._buy(work, candidate)
            if bought is not None:
                return await self._keep(candidate, bought)
            # Somebody else buys it just now, or has. Wait without a slot.
            fresh = await self._fresh([candidate.platform_id], work.max_age)
            if fresh:
                return _from_cache(candidate, fresh[0])
            await asyncio.sleep(LOOK_AGAIN_S)
        raise RetryError("another worker has been buying this profile for too long")

    async def _buy(self, work: _Round, candidate: PendingCandidate) -> Bought | None:
        """None if somebody else has the right to buy it."""
        known = candidate.details.account
        profile_claim = ProfileClaim(
            platform=self._platform.name,
            platform_id=candidate.platform_id,
            token=work.token,
            lasts=CLAIM_LASTS,
            max_age=work.max_age,
        )
        params = self._kind.ask(known, cache_max_age(work.max_age))
        order = Order(kind="profile", path=self._kind.path, params=params, price=self._kind.price)

        async def call() -> Bought | None:
            # Anew for each try: together they can outlast a claim.
            if not await self._claim(profile_claim):
                return None
            self._crash.reach(CrashPoint.PROFILE_CLAIMED)
            return await self._buyer.buy(self._platform.name, work.claim, work.token, order)

        try:
            return await with_retries(call)
        except (NotFoundError, ShapeError) as error:
            await self._store(candidate.platform_id, error)
            raise
        except (CreatorscoutError, asyncio.CancelledError):
            await self._release(work, candidate.platform_id)
            raise

    async def _keep(self, candidate: PendingCandidate, bought: Bought) -> Enriched:
        """Commit the profile together with its ledger row, as it arrives."""
        try:
            account = bought.read(self._kind.read)
            if account.platform_id != candidate.platform_id:
                # The handle belongs to somebody else by now.
                raise ShapeError("the profile is another account's")
        except (NotFoundError, ShapeError) as error:
            await self._store(candidate.platform_id, error, bought)
            raise
        await self._store(candidate.platform_id, account, bought)
        return _merged(candidate, account, Enrichment.BOUGHT, seen_at=bought.seen_at or self._clock.now())

    async def _store(
        self, platform_id: str, said: Account | NotFoundError | ShapeError, bought: Bought | None = None
    ) -> None:
        """Remember what the call brought, good or bad, with its ledger row if that is still open."""
        with span("commit profile"):
            await completed(self._commit(platform_id, said, bought))
        self._crash.reach(CrashPoint.PROFILE_STORED)

    async def _commit(
        self, platform_id: str, said: Account | NotFoundError | ShapeError, bought: Bought | None
    ) -> None:
        profile = SeenProfile(
            platform=self._platform.name,
            platform_id=platform_id,
            status=_status(said),
            account=said if isinstance(said, Account) else None,
            seen_at=bought.seen_at if bought else None,
        )
        if bought is None:
            async with self._database.connection() as connection:
                await profile_table.store_profile(connection, profile)
            return
        reason = None if isinstance(said, Account) else type(said).__name__
        settlement = bought.settlement.model_copy(update={"reason": reason})
        async with self._buyer.turns.of(settlement.job_id), self._database.connection() as connection:
            await ledger_table.settle_profile_call(connection, settlement, profile)

    async def _claim(self, claim: ProfileClaim) -> bool:
        async with self._database.connection() as connection:
            return await profile_table.claim_profile(connection, claim)

    async def _release(self, work: _Round, platform_id: str) -> None:
        async with self._database.connection() as connection:
            await profile_table.release_profile(
                connection, platform=self._platform.name, platform_id=platform_id, token=work.token
            )

    async def _stored(self, pending: Sequence[PendingCandidate], max_age: timedelta) -> dict[str, StoredProfile]:
        ids = [candidate.platform_id for candidate in pending]
        return {profile.platform_id: profile for profile in await self._fresh(ids, max_age)}

    async def _fresh(self, ids: list[str], max_age: timedelta) -> list[StoredProfile]:
        async with self._database.connection() as connection:
            return await profile_table.fresh_profiles(
                connection, platform=self._platform.name, platform_ids=ids, max_age=max_age
            )


def _status(said: Account | NotFoundError | ShapeError) -> str:
    match said:
        case Account():
            return "found"
        case NotFoundError():
            return "not_found"
        case ShapeError():
            return "unreadable"


def _from_cache(candidate: PendingCandidate, profile: StoredProfile) -> Enriched:
    if profile.account is None:
        known = Enrichment.FAILED if profile.status == "unreadable" else Enrichment.NOT_FOUND
        return as_known(candidate, known)
    # Avatars are signed for a day or two, profiles are kept longer: the page's own is the fresher one.
    avatar_url = candidate.details.account.avatar_url or profile.account.avatar_url
    account = profile.account.model_copy(update={"avatar_url": avatar_url})
    return _merged(candidate, account, Enrichment.CACHED, seen_at=profile.fetched_at)


def _unbought(brief: Brief, candidate: PendingCandidate, stored: dict[str, StoredProfile]) -> Enriched | None:
    profile = stored.get(candidate.platform_id)
    if profile is not None:
        return _from_cache(candidate, profile)
    if not brief.is_profile_needed(candidate.details):
        return as_known(candidate, Enrichment.NOT_NEEDED)
    return None


def _merged(candidate: PendingCandidate, account: Account, enrichment: Enrichment, *, seen_at: datetime) -> Enriched:
    return Enriched(
        found=candidate.details,
        account=candidate.details.account.merged_with(account),
        enrichment=enrichment,
        seen_at=seen_at,
    )


def as_known(candidate: PendingCandidate, enrichment: Enrichment) -> Enriched:
    """The candidate with nothing learnt beyond its page."""
    return Enriched(found=candidate.details, account=candidate.details.account, enrichment=enrichment)
