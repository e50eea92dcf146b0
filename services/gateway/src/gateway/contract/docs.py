"""The document, for programs and for people."""

from gateway.asset import FOLDER
from gateway.contract.header import ETAG
from gateway.contract.operation import JSON, Answer, Content, Operation, Parameter
from gateway.contract.parameter import IF_NONE_MATCH
from gateway.contract.reply import NOT_MODIFIED

_NAME = Parameter(
    name="name",
    where="path",
    description="The file's name, as the page says it.",
    schema={"type": "string", "pattern": r"^[A-Za-z0-9._-]+$"},
    is_required=True,
    example="docs.0123456789ab.js",
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/openapi.json",
        id="readContract",
        tag="docs",
        summary="This document",
        description="OpenAPI 3.1: every operation with all that it may answer.",
        parameters=(IF_NONE_MATCH,),
        answers=(
            Answer(200, "The document.", (Content(media_type=JSON, schema={"type": "object"}),), headers=(ETAG,)),
            NOT_MODIFIED,
        ),
        is_public=True,
    ),
    Operation(
        method="GET",
        path="/docs",
        id="readDocs",
        tag="docs",
        summary="This document, drawn",
        description="A page that draws `/openapi.json`.",
        parameters=(IF_NONE_MATCH,),
        answers=(
            Answer(200, "The page.", (Content(media_type="text/html"),), headers=(ETAG,)),
            NOT_MODIFIED,
        ),
        is_public=True,
    ),
    Operation(
        method="GET",
        path=f"/{FOLDER}/{{name}}",
        id="readAsset",
        tag="docs",
        summary="A file of the page",
        description="It never changes: another content has another name.",
        parameters=(_NAME, IF_NONE_MATCH),
        answers=(
            Answer(
                200,
                "The file.",
                (
                    Content(media_type="text/javascript"),
                    Content(media_type="text/css"),
                    Content(media_type="image/png", schema={}),
                ),
                headers=(ETAG,),
            ),
            NOT_MODIFIED,
        ),
        is_public=True,
    ),
)
