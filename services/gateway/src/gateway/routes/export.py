"""Creators as a file: a job's, and a campaign's merged over its jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.types import ASGIApp

from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.export.form import MEDIA_TYPES, Form, make_file
from gateway.export.query import read_excel, read_form, read_preset
from gateway.export.source import Batches, campaign_batches, job_batches
from gateway.export.stream import Export
from gateway.export.table import Subject, table_of
from gateway.parameter import read_parameters
from gateway.query import read_id
from gateway.routes.campaign import PATH as CAMPAIGNS
from gateway.routes.job import PATH as JOB

PARAMETERS: Final = frozenset({"preset", "excel"})

_JOB_PATHS: Final = [f"{JOB}/export.{form}" for form in Form]
_CAMPAIGN_PATHS: Final = [f"{CAMPAIGNS}/{{campaign_id:str}}/export.{form}" for form in Form]


@get(_JOB_PATHS)
async def export_own_job(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> ASGIApp:
    """What the job has delivered, in that order; while it runs, what is there."""
    wanted_id = read_id(job_id)
    batches = job_batches(gateway.door(principal), principal.owner, wanted_id)
    return _export(request, gateway, Subject.JOB, wanted_id, batches)


@get(_CAMPAIGN_PATHS)
async def export_own_campaign(
    campaign_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> ASGIApp:
    """What the campaign's jobs have delivered, each creator once."""
    wanted_id = read_id(campaign_id)
    batches = campaign_batches(gateway.door(principal), principal.owner, wanted_id)
    return _export(request, gateway, Subject.CAMPAIGN, wanted_id, batches)


def _export(
    request: Request[Principal, None, State], gateway: Gateway, subject: Subject, subject_id: UUID, batches: Batches
) -> Export:
    asked = read_parameters(request.scope["query_string"], PARAMETERS)
    form, preset = read_form(request.url.path), read_preset(asked.get("preset"))
    table = table_of(preset, subject)
    return Export(
        owner=request.user.owner,
        slots=gateway.exports,
        batches=batches,
        table=table,
        file=make_file(form, table, preset, has_bom=read_excel(asked.get("excel"))),
        headers=_headers(form, f"{subject}-{subject_id}", gateway.resources.clock.now()),
    )


def _headers(form: Form, name: str, now: datetime) -> Mapping[str, Any]:
    return {
        "Content-Type": MEDIA_TYPES[form],
        "Content-Disposition": f'attachment; filename="creatorscout-{name}-{now:%Y-%m-%d}.{form}"',
        "Cache-Control": "private, no-store",
    }
