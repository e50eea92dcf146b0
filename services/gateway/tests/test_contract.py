"""The OpenAPI document says of every route what is so."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker
from litestar.routes import HTTPRoute
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic.alias_generators import to_camel
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from common.metric.process import Metrics as Shared
from gateway.app import create_routes
from gateway.body import read_body
from gateway.composition import Gateway
from gateway.contract.document import build_document
from gateway.contract.rule import problems_of
from gateway.contract.table import OPERATIONS
from gateway.metric import Metrics
from gateway.problem import Kind

DOCUMENT = build_document(OPERATIONS)
BY_ID = {operation.id: operation for operation in OPERATIONS}
REGISTRY = Registry().with_resource("urn:document", Resource(contents=DOCUMENT, specification=DRAFT202012))


def faults(schema: Any, value: Any) -> list[str]:
    """What is wrong with the value under a schema of the document."""
    validator = Draft202012Validator(anchor(schema), registry=REGISTRY, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def anchor(node: Any) -> Any:
    """References of the document, as seen from outside."""
    match node:
        case {"$ref": str(reference), **rest}:
            return {"$ref": f"urn:document{reference}", **{key: anchor(value) for key, value in rest.items()}}
        case dict():
            return {key: anchor(value) for key, value in node.items()}
        case list():
            return [anchor(value) for value in node]
        case _:
            return node


def routes() -> set[tuple[str, str]]:
    nothing: Any = None
    gateway = Gateway(
        resources=nothing,
        publication=nothing,
        keys=nothing,
        policy=nothing,
        origins=(),
        metrics=Metrics(Shared("gateway")),
        hub=nothing,
        marks=nothing,
        states=nothing,
    )
    return {
        (method, re.sub(r"\{(\w+)\}", lambda found: f"{{{to_camel(found[1])}}}", route.path_format))
        for route in create_routes(gateway).routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS", "HEAD"}
    }


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from nodes(value, f"{path}/{key}")


def test_every_route_has_one_operation_and_every_operation_a_route() -> None:
    described = [(operation.method, operation.path) for operation in OPERATIONS]
    assert sorted(described) == sorted(routes())


def test_it_is_a_document_of_openapi_3_1() -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_ids_are_unique_and_tags_are_described() -> None:
    assert len(BY_ID) == len(OPERATIONS)
    assert {operation.tag for operation in OPERATIONS} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_every_reference_leads_somewhere() -> None:
    for path, node in nodes(DOCUMENT):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            target: Any = DOCUMENT
            for key in node["$ref"].removeprefix("#/").split("/"):
                assert key in target, f"{path}: {node['$ref']}"
                target = target[key]


def test_every_schema_is_used() -> None:
    used = {node["$ref"].rpartition("/")[2] for _, node in nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node}
    assert set(DOCUMENT["components"]["schemas"]) - used == set()


def test_everything_has_words() -> None:
    for operation in OPERATIONS:
        assert re.search(r"[^.]$", operation.summary), operation.id
        assert operation.description.endswith("."), operation.id
    for path, node in nodes(DOCUMENT["paths"]):
        if isinstance(node, dict) and "in" in node and "name" in node:
            assert node["description"].endswith("."), path
        if re.search(r"/responses/\d+$", path) and "$ref" not in node:
            assert node["description"].endswith("."), path


def test_a_reference_has_nothing_beside_it_that_readers_would_drop() -> None:
    for path, node in nodes(DOCUMENT):
        if isinstance(node, dict) and "$ref" in node:
            assert set(node) <= {"$ref", "description", "default"}, path


def test_what_may_be_unknown_says_so_among_its_types() -> None:
    for path, node in nodes(DOCUMENT["components"]["schemas"]):
        if isinstance(node, dict) and {"type": "null"} in node.get("anyOf", []):
            assert any("$ref" in option for option in node["anyOf"]), path


def test_instants_are_marked() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    instants = [
        (name, key, node)
        for name, schema in schemas.items()
        for key, node in schema.get("properties", {}).items()
        if re.search(r"(At|Until)$", key)
    ]
    assert len(instants) > 10
    assert [(name, key) for name, key, node in instants if node.get("format") != "date-time"] == []


def test_every_key_of_an_answer_is_there() -> None:
    answers = {
        node["$ref"].rpartition("/")[2]
        for path, node in nodes(DOCUMENT["paths"])
        if isinstance(node, dict) and "$ref" in node and "/responses/200/" in path
    }
    for name in {*answers, "Creator", "Account"} - {"Problem"}:
        schema = DOCUMENT["components"]["schemas"].get(name)
        if schema is not None:
            assert set(schema["required"]) == set(schema["properties"]), name


def test_every_example_is_what_its_schema_says() -> None:
    count = 0
    for path, node in nodes(DOCUMENT):
        if not isinstance(node, dict) or "schema" not in node:
            continue
        examples = [node["example"]] if "example" in node else []
        for name, example in node.get("examples", {}).items():
            reference = example.get("$ref", "").rpartition("/")[2]
            examples.append((DOCUMENT["components"]["examples"][reference] if reference else example)["value"])
            assert name
        for example in examples:
            assert faults(node["schema"], example) == [], path
            count += 1
    assert count >= 50


def test_what_is_no_example_is_refused() -> None:
    """So the test before can fail."""
    job = DOCUMENT["paths"]["/api/v1/jobs/{jobId}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert faults(job["schema"], job["example"] | {"createdAt": "yesterday"})
    assert faults(job["schema"], job["example"] | {"status": "perhaps"})
    assert faults(job["schema"], {key: value for key, value in job["example"].items() if key != "progress"})


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body], ids=lambda one: one.id)
def test_every_example_of_a_body_is_read(operation: Any) -> None:
    assert operation.body.examples
    for example in operation.body.examples.values():
        read_body(operation.body.model, msgspec.json.encode(example))


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not one.is_public], ids=lambda one: one.id)
def test_every_operation_has_an_example_of_its_answer(operation: Any) -> None:
    for answer in operation.answers:
        for content in answer.contents:
            assert content.example is not None, answer.status


def test_problems_follow_from_the_form_of_an_operation() -> None:
    assert {kind.status for kind in problems_of(BY_ID["listCampaigns"])} == {401, 422, 429, 500, 503}
    assert {kind.status for kind in problems_of(BY_ID["readJob"])} == {401, 404, 429, 500, 503}
    assert {kind.status for kind in problems_of(BY_ID["cancelJob"])} == {401, 403, 404, 415, 429, 500, 503}
    extension = problems_of(BY_ID["extendJob"])
    assert {kind.status for kind in extension} == {400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503}
    assert problems_of(BY_ID["isAlive"]) == (Kind.INTERNAL,)


def test_only_public_operations_want_no_token() -> None:
    assert DOCUMENT["security"] == [{"bearer": []}]
    for operation in OPERATIONS:
        node = DOCUMENT["paths"][operation.path][operation.method.lower()]
        assert (node.get("security") == []) is operation.is_public
        assert ("401" in node["responses"]) is not operation.is_public


@pytest.mark.server
async def test_options_tells_every_method_of_an_address(gateway: Any) -> None:
    by_path: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {"OPTIONS"}).add(operation.method)
    async with gateway.client() as client:
        for path, methods in by_path.items():
            answer = await client.options(path.replace("{", "").replace("}", ""))
            assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (204, methods), path


@pytest.mark.server
async def test_a_browser_of_another_origin_may_use_all_of_it(gateway: Any) -> None:
    """Every method, header of a request and header of an answer that the contract knows."""
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    async with gateway.client() as client:
        preflight = await client.options("/api/v1/jobs", headers=asked)
        exposed = (await client.get("/api/v1/jobs", headers=asked)).headers["Access-Control-Expose-Headers"].split(", ")
    allowed = preflight.headers["Access-Control-Allow-Headers"].split(", ")
    assert {operation.method for operation in OPERATIONS} <= set(
        preflight.headers["Access-Control-Allow-Methods"].split(", ")
    )
    parameters = [parameter for operation in OPERATIONS for parameter in operation.parameters]
    assert {parameter.name for parameter in parameters if parameter.where == "header"} <= set(allowed)
    # Those that answer a wrong token or method, and those for caches and proxies, are no business of a program.
    others = {"Allow", "Cache-Control", "Vary", "WWW-Authenticate", "X-Accel-Buffering"}
    assert set(DOCUMENT["components"]["headers"]) - others <= set(exposed)


@pytest.mark.server
async def test_the_gateway_serves_it_to_everybody(gateway: Any) -> None:
    async with gateway.stranger() as client:
        answer = await client.get("/openapi.json")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == DOCUMENT
        again = await client.get("/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
