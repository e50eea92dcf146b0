"""What would be SQL if it were ever pasted into a statement, through every text field of every operation."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from gateway.contract.operation import Operation
from gateway.contract.table import OPERATIONS

pytestmark = [pytest.mark.server, pytest.mark.security]

HOSTILE = (
    "' OR '1'='1",
    "'; DROP TABLE jobs; --",
    '" OR ""="',
    "1; SELECT pg_sleep(5)--",
    "' UNION SELECT owner, id FROM jobs--",
    "\\'; COMMIT; --",
    "%(owner)s %s %% {0}",
    "$1 $$ $x$ :name",
    "*",
    "user:victim,user:me",
    "') ON CONFLICT DO NOTHING --",
    "/**/or/**/1=1#",
    "set_config('app.owner','*',false)",
)
VICTIM = "the-victims-secret"


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a text stands in a body."""
    if isinstance(document, str):
        yield path
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


def with_text(document: Any, path: tuple[Any, ...], text: str) -> Any:
    if not path:
        return text
    first, *rest = path
    if isinstance(document, dict):
        return {**document, first: with_text(document[first], tuple(rest), text)}
    return [with_text(value, tuple(rest), text) if index == first else value for index, value in enumerate(document)]


def asked(operation: Operation, text: str) -> Iterator[dict[str, Any]]:
    """Requests of this operation, each with the text in one place."""
    usual = {one.name: str(one.example) for one in operation.parameters if one.where == "path"}
    names = re.findall(r"{(\w+)}", operation.path)
    fill = {name: usual.get(name, "01930000-0000-7000-8000-0000000000b1") for name in names}
    body = next(iter(operation.body.examples.values())) if operation.body else None
    plain: dict[str, Any] = {"url": operation.path.format(**fill)} | ({} if body is None else {"json": body})
    for name in names:
        yield plain | {"url": operation.path.format(**fill | {name: quote(text, safe="")})}
    for one in operation.parameters:
        if one.where == "query":
            yield plain | {"params": {one.name: text}}
        if one.where == "header" and text.isascii():
            yield plain | {"headers": {one.name: text}}
    if body is not None:
        for path in places(body):
            yield plain | {"json": with_text(body, path, text)}


@pytest.fixture
async def victim(gateway: Any) -> dict[str, Any]:
    async with gateway.client("user_victim") as client:
        await client.post("/api/v1/campaigns", json={"name": VICTIM})
    return gateway.rows("select * from campaigns")[0]


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.id != "watchJob"], ids=lambda one: one.id)
async def test_sql_in_any_field_is_text(
    gateway: Any, victim: dict[str, Any], operation: Operation, record_property: Any
) -> None:
    """No fault of ours, nothing of another's, and nothing of another's touched."""
    count = 0
    async with gateway.client() as client:
        for text in HOSTILE:
            for request in asked(operation, text):
                answer = await client.request(operation.method, **request)
                count += 1
                assert answer.status_code < 500 or answer.json()["type"].endswith("platform-not-started"), answer.text
                assert VICTIM not in answer.text
                assert "syntax error" not in answer.text.lower()
    assert [row for row in gateway.rows("select * from campaigns") if row["id"] == victim["id"]] == [victim]
    record_property("told", f"SQL in fields: {count} requests of {operation.id}")


@pytest.mark.parametrize("text", HOSTILE)
async def test_stored_text_comes_back_as_it_was(gateway: Any, text: str) -> None:
    async with gateway.client() as client:
        made = await client.post("/api/v1/campaigns", json={"name": text})
        assert made.status_code == 201
        assert (await client.get(f"/api/v1/campaigns/{made.json()['id']}")).json()["name"] == text
        wish = {"platform": "tiktok", "mode": "keyword", "keywords": [f"a{text}"], "tags": [text]}
        job = await client.post("/api/v1/jobs", json=wish)
        assert job.status_code == 202, job.text
        again = (await client.get(f"/api/v1/jobs/{job.json()['id']}")).json()
        assert again["keywords"] == [f"a{text}"]
        assert again["tags"] == [text]
        if "," not in text:  # which stands between two tags there
            listed = (await client.get("/api/v1/jobs", params={"tag": text})).json()["items"]
            assert [one["id"] for one in listed] == [job.json()["id"]]
