"""Creators as files, and a campaign's creators page by page."""

import msgspec

from common.domain.job import PlatformName
from gateway.answer.campaign_creator import CampaignCreatorPage
from gateway.contract.header import DISPOSITION
from gateway.contract.operation import Answer, Content, Link, Operation, Parameter, json_of
from gateway.contract.parameter import JOB_ID, LIMIT
from gateway.contract.result import CREATOR, RESULT
from gateway.export.form import MEDIA_TYPES, Form
from gateway.export.table import Preset, Subject
from gateway.problem import Kind

PRESET = Parameter(
    name="preset",
    where="query",
    description="`full`: every creator with all that is known of them. `outreach`: one line for each e-mail address; "
    "who shows none is left out.",
    schema={"type": "string", "enum": [preset.value for preset in Preset], "default": Preset.FULL.value},
    example="outreach",
)
EXCEL = Parameter(
    name="excel",
    where="query",
    description="Of a CSV: whether it begins with a byte order mark, by which Excel sees that it is UTF-8.",
    schema={"type": "string", "enum": ["true", "false"], "default": "false"},
    example="true",
)
NEW_SINCE = Parameter(
    name="newSince",
    where="query",
    description="Only who was first found in this campaign after this instant: `asOf` of an earlier answer.",
    schema={"type": "string", "format": "date-time"},
    example="2026-03-01T09:00:00Z",
)
CURSOR = Parameter(
    name="cursor",
    where="query",
    description="`nextCursor` of the page before, asked for with the same `newSince`; without it, the first page.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{24,400}$"},
)
MERGED = {
    "platform": PlatformName.TIKTOK.value,
    "firstFoundAt": "2026-03-01T09:00:08Z",
    "lastFoundAt": "2026-03-01T09:00:08Z",
    "jobIds": [JOB_ID],
    "creator": CREATOR,
}
_DOCUMENTS = {Subject.JOB: RESULT, Subject.CAMPAIGN: MERGED}
_WORDS = {
    Form.CSV: "Every field is quoted, lines end in CRLF, UTF-8. The first line has the names of the columns, which are "
    "the paths of the API's fields; lists are joined by `; `; unknown is empty.",
    Form.XLSX: "One sheet, and a further one after every 1,048,576 rows; texts are cut at the 32,767 characters that a "
    "cell holds, ids are texts. The columns are those of the CSV.",
    Form.JSONL: "One JSON document a line, for `full` the same as in the pages of the API. Nothing is guarded or "
    "joined: the format for programs.",
}
_GUARD = " A text that a spreadsheet might take for a formula has an apostrophe before it."
_CUT = " What cannot be sent whole ends with a broken connection, never as a shorter file."
_OF = {
    Subject.JOB: "What the job has delivered, in that order; of a job that runs, what is there.",
    Subject.CAMPAIGN: "What the campaign's jobs have delivered, each creator once, in the order of platform and id, as "
    "the job knew them that delivered them last.",
}
_PATHS = {Subject.JOB: "/api/v1/jobs/{jobId}", Subject.CAMPAIGN: "/api/v1/campaigns/{campaignId}"}


def _export(subject: Subject, form: Form) -> Operation:
    return Operation(
        method="GET",
        path=f"{_PATHS[subject]}/export.{form}",
        id=f"export{subject.capitalize()}{form.capitalize()}",
        tag="results",
        summary=f"A {subject}'s creators as {form.upper()}",
        description=f"{_OF[subject]} {_WORDS[form]}{'' if form is Form.JSONL else _GUARD}{_CUT}",
        parameters=(PRESET, EXCEL),
        answers=(Answer(200, "The file.", (_content(subject, form),), headers=(DISPOSITION,)),),
        problems=(Kind.EXPORTS,),
    )


def _content(subject: Subject, form: Form) -> Content:
    match form:
        case Form.CSV:
            example = '"platform","account.handle"\r\n"tiktok","mira.ovens"\r\n'
        case Form.XLSX:
            example = "PK..."
        case Form.JSONL:
            example = msgspec.json.encode(_DOCUMENTS[subject]).decode() + "\n"
    return Content(media_type=MEDIA_TYPES[form], example=example)


_NEXT = {
    "nextPage": Link(
        operation_id="listCampaignCreators",
        parameters={"campaignId": "$request.path.campaignId", "cursor": "$response.body#/nextCursor"},
    )
}

OPERATIONS: tuple[Operation, ...] = (
    *(_export(subject, form) for subject in Subject for form in Form),
    Operation(
        method="GET",
        path="/api/v1/campaigns/{campaignId}/creators",
        id="listCampaignCreators",
        tag="results",
        summary="A page of a campaign's creators, the newest first",
        description="Each creator once, with the jobs that found them, as the job knew them that delivered them last. "
        "`nextCursor` asks for the next page; null ends. `asOf` is what to give as `newSince` the next time; it is the "
        "same on all pages of a walk. It lies a minute back, so that what was just being written is not missed: who "
        "was found within that minute comes again the next time.",
        parameters=(LIMIT, CURSOR, NEW_SINCE),
        answers=(
            Answer(
                200,
                "The page.",
                (
                    json_of(
                        CampaignCreatorPage, {"items": [MERGED], "nextCursor": None, "asOf": "2026-03-01T08:59:40Z"}
                    ),
                ),
                links=_NEXT,
            ),
        ),
    ),
)
