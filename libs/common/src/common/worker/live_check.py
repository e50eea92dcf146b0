"""Asks each endpoint of some platforms once, with real money, and reports which shapes held.

Rule: one call per endpoint, never a second try; a call that fails is a finding. Only what concerns the account itself,
a refused key, no credits, too many calls, stops the check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from common.domain.job import PlatformName
from common.engine.live_check import (
    CALLS_MAX,
    NOTHING_LED_HERE,
    Endpoint,
    Finding,
    Known,
    Report,
    choose,
    endpoints_of,
    first_known,
    judge,
    learnt,
    params_for,
    read,
)
from common.errors import CoolDownError, NotFoundError, ShapeError, UnreachableError
from common.platform import Page, Platform
from common.upstream.answer import Answer, charged, fault
from common.upstream.client import ScrapeCreators

PRICE = 1


@dataclass(frozen=True, slots=True)
class _Tried:
    """One endpoint: the finding, the page if there is one, and the error if it is one that stops the check."""

    finding: Finding
    page: Page | None = None
    stopped_by: CoolDownError | None = None


class LiveCheck:
    """A check of some platforms. `relied_on` names the fields that must come, by path; `handles` whom to ask for, by
    platform: where there is none, whoever is found first."""

    def __init__(
        self,
        upstream: ScrapeCreators,
        *,
        word: str,
        handles: Mapping[PlatformName, str],
        relied_on: Mapping[str, Sequence[str]],
    ) -> None:
        self._upstream = upstream
        self._word = word
        self._handles = handles
        self._relied_on = relied_on

    async def run(self, platforms: Sequence[Platform], calls_max: int = CALLS_MAX) -> Report:
        """At most `calls_max` calls, one after the other."""
        choice = choose([one for platform in platforms for one in endpoints_of(platform)], calls_max)
        findings: list[Finding] = []
        for platform in platforms:
            known = first_known(self._word, self._handles.get(platform.name))
            for endpoint in (one for one in choice.asked if one.platform == platform.name):
                tried = await self._try(platform, endpoint, known)
                findings.append(tried.finding)
                if tried.stopped_by is not None:
                    return Report(findings=tuple(findings), left_out=choice.left_out, stopped=str(tried.stopped_by))
                if tried.page is not None:
                    known = learnt(platform, endpoint, tried.page, known)
        return Report(findings=tuple(findings), left_out=choice.left_out)

    async def _try(self, platform: Platform, endpoint: Endpoint, known: Known) -> _Tried:
        params = params_for(platform, endpoint, known)
        if params is None:
            return _Tried(Finding(endpoint=endpoint, wrong=NOTHING_LED_HERE))
        try:
            answer = await self._upstream.get(endpoint.path, params)
        except (UnreachableError, ShapeError) as error:
            return _Tried(Finding(endpoint=endpoint, wrong=f"no answer: {error}"))
        return self._read(platform, endpoint, answer)

    def _read(self, platform: Platform, endpoint: Endpoint, answer: Answer) -> _Tried:
        finding = Finding(
            endpoint=endpoint,
            wrong=None,
            status=answer.status,
            credits=charged(answer, price=PRICE),
            milliseconds=answer.milliseconds,
        )
        wrong = fault(answer)
        if wrong is not None:
            stopped_by = wrong if isinstance(wrong, CoolDownError) else None
            return _Tried(replace(finding, wrong=str(wrong)), stopped_by=stopped_by)
        try:
            page = read(platform, endpoint, answer.body)
        except (ShapeError, NotFoundError) as error:
            return _Tried(replace(finding, wrong=str(error)))
        return _Tried(judge(finding, page, self._relied_on.get(endpoint.path, ())), page=page)
