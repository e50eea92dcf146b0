"""Litestar's pitfalls: what it does by itself that we must not, each with the test that holds it off; and whatever bad
bodies and queries there are, asked of every operation, not of the ones that we thought of."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.contract.operation import Operation
from gateway.contract.table import OPERATIONS
from local.child import Child, Command, plain_environment

pytestmark = [pytest.mark.server, pytest.mark.security]

TESTS = Path(__file__).parent
# What goes wrong by default: the test that shows that it does not here.
PITFALLS = {
    "`exclude` is a search, not a match: /jobs/schema needs no token": (
        "test_walk.py",
        "test_every_other_route_wants_a_token_under_every_spelling",
    ),
    "a route is forgotten outside the guarded router": (
        "test_walk.py",
        "test_what_needs_no_token_is_this_list_and_nothing_else",
    ),
    "a body in bad UTF-8 is a 500": ("test_pitfall.py", "test_a_bad_body_is_the_callers_fault_wherever_it_is_sent"),
    "a body nested 90,000 deep is a 500": ("test_bad_input.py", "test_a_large_body_is_refused_with_413"),
    "a body nested as deep as 64 KiB allow is a 500": ("test_bad_input.py", "test_what_is_no_json_is_said_to_be_none"),
    "NUL passes and Postgres fails on it": ("test_pitfall.py", "test_text_that_postgres_cannot_hold_is_refused"),
    "a number of 23 digits passes and Postgres fails on it": ("test_bad_input.py", "test_a_bad_field_is_named"),
    "the same in the query": ("test_pitfall.py", "test_a_bad_query_is_the_callers_fault_wherever_it_is_sent"),
    "JSON is read under any content type, or none": (
        "test_pitfall.py",
        "test_a_body_that_is_not_said_to_be_json_is_refused_wherever_it_is_sent",
    ),
    "strictness is off: a text or true passes as a number": ("test_bad_input.py", "test_a_bad_field_is_named"),
    "of a repeated query key the last one wins": ("test_bad_input.py", "test_a_bad_parameter_is_named"),
    "unknown query keys are ignored": ("test_bad_input.py", "test_a_bad_parameter_is_named"),
    "of a repeated key in a body the last one wins": (
        "test_bad_input.py",
        "test_a_field_that_is_given_twice_is_refused",
    ),
    "bodies may be 10 MB": ("test_bad_input.py", "test_a_large_body_is_refused_with_413"),
    "a body is read before anybody is asked for a token": (
        "test_bad_input.py",
        "test_without_a_good_token_nothing_of_the_body_is_looked_at",
    ),
    "HEAD, 404 and 405 come before the token": ("test_walk.py", "test_no_verb_is_a_way_around"),
    "a cached response is another user's": ("test_pitfall.py", "test_no_source_asks_litestar_for_what_is_unsafe"),
    "responses are shared by address in caches on the way": (
        "test_header.py",
        "test_two_who_ask_the_same_address_are_answered_each_for_themselves",
    ),
    "problem details are none for unhandled errors": ("test_leak.py", "test_a_fault_below_any_operation_tells_nothing"),
    "401 without WWW-Authenticate": ("test_header.py", "test_all_refusals_of_a_token_are_the_same_bytes"),
    "its log has cookies, bodies and queries": (
        "test_health.py",
        "test_a_request_is_one_line_in_the_log_without_its_query_body_or_token",
    ),
    "its metrics have raw paths for labels": ("test_health.py", "test_metrics_count_routes_and_never_paths"),
    "X-Forwarded-Host counts as Host": ("test_host.py", "test_what_a_request_says_of_itself_changes_no_answer"),
    "its CORS replaces Vary": ("test_header.py", "test_every_answer_is_its_readers_alone"),
    "no ETag is compared": ("test_poll.py", "test_a_304_is_decided_without_reading_results"),
    "the API's page loads scripts from elsewhere": (
        "test_docs.py",
        "test_the_page_names_every_asset_and_holds_no_code_of_its_own",
    ),
    "an open stream holds up the end for ever": (
        "test_event_life.py",
        "test_on_sigterm_all_streams_say_bye_and_the_process_ends_well",
    ),
    "what 3.0 removes is used": ("test_pitfall.py", "test_it_starts_with_every_deprecation_an_error"),
}
WRITING = [one for one in OPERATIONS if one.method in ("POST", "PUT", "PATCH", "DELETE")]
WITH_BODY = [one for one in OPERATIONS if one.body is not None]
READING = [one for one in OPERATIONS if one.method == "GET" and not one.is_public]

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "bad UTF-8": b'{"name": "\xff\xfe"}',
    "bad UTF-8 around": b"\xff\xfe{}",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "an overlong NUL": b'{"name": "\xc0\x80"}',
    "NUL": b'{"name": "a\\u0000b"}',
    "raw NUL": b"\x00",
    "30,000 brackets": b"[" * 30_000,
    "10,000 objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a number of 5,000 digits": b'{"targetResults":' + b"9" * 5000 + b"}",
    "1e999": b'{"targetResults":1e999}',
    "NaN": b'{"value":NaN}',
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "true": b"true",
    "a key twice": b'{"name":"a","name":"b"}',
    "unknown keys": b'{"__proto__":1,"constructor":2,"$where":3}',
    "msgpack": b"\x81\xa4name\xa1a",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "UTF-7": "{'name':'+AGE-'}".encode("utf-7"),
    "two documents": b"{}{}",
    "half of one": b'{"name":',
}
CONTENT_TYPES = (
    "text/plain",
    "application/msgpack",
    "application/x-www-form-urlencoded",
    "application/xml",
    "",
    "json",
)
VALUES = (
    "",
    "%00",
    "%ff%fe",
    "%ed%a0%80",
    "99999999999999999999999",
    "-99999999999999999999999",
    "9" * 5000,
    "1e9",
    "0x1F",
    "NaN",
    "true",
    "null",
    "[]",
    "{{7*7}}",
    "'%20or%201=1--",
    "%0d%0aX-Injected:1",
    "%E2%80%AE",
    "a" * 8000,
)
JSON = {"Content-Type": "application/json"}


def name_of(operation: Operation) -> str:
    return operation.id


def path_of(operation: Operation) -> str:
    ids = {name: str(uuid4()) for name in re.findall(r"{(\w+)}", operation.path)} | {"platform": "tiktok"}
    return operation.path.format(**ids)


def check_refusal(answer: Any, what: str) -> None:
    """The caller's fault, as a problem; the answer is bound to nothing that was sent."""
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_every_pitfall_has_its_test(pitfall: str) -> None:
    file, test = PITFALLS[pitfall]
    assert re.search(rf"^(async )?def {test}\(", (TESTS / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
async def test_a_bad_body_is_the_callers_fault_wherever_it_is_sent(administered: Any, operation: Operation) -> None:
    async with administered.client("user_root") as client:
        for name, body in BODIES.items():
            answer = await client.request(operation.method, path_of(operation), content=body, headers=JSON)
            is_optional = operation.body is not None and not operation.body.is_required
            if not (is_optional and body == b"" and answer.status_code < 400):
                check_refusal(answer, name)
    assert not [line for line in administered.log_lines() if line["event"] == "request.failed"]


@pytest.mark.parametrize("operation", WRITING, ids=name_of)
async def test_a_body_that_is_not_said_to_be_json_is_refused_wherever_it_is_sent(
    administered: Any, operation: Operation
) -> None:
    """Also where none is wanted: a page of another origin can send these without asking first."""
    async with administered.client("user_root") as client:
        for content_type in CONTENT_TYPES:
            headers = {"Content-Type": content_type}
            answer = await client.request(operation.method, path_of(operation), content=b"{}", headers=headers)
            assert answer.status_code == 415, content_type
        answer = await client.request(operation.method, path_of(operation), content=b"{}")
        assert answer.status_code == 415, "none"


def queries(operation: Operation) -> Iterator[str]:
    names = [one.name for one in operation.parameters if one.where == "query"]
    for name in names:
        yield from (f"{name}={value}" for value in VALUES)
        yield f"{name}=1&{name}=1"
        yield f"{name}[]=1"
        yield f"{name.upper()}=1"
        yield f"{name}[$ne]=1"
    yield "nobody=1"
    yield "%00=%00"
    yield "&&&=&=%"
    yield "a=1&" * 5000


def _is_never_good(query: str) -> bool:
    """A key that is unknown or given twice."""
    keys = [pair.partition("=")[0] for pair in query.split("&")]
    return query == "nobody=1" or len(keys) != len(set(keys)) or "[" in keys[0]


@pytest.mark.parametrize("operation", READING, ids=name_of)
async def test_a_bad_query_is_the_callers_fault_wherever_it_is_sent(administered: Any, operation: Operation) -> None:
    """Or means nothing, where the operation takes no parameters; never is it ours."""
    takes_any = any(one.where == "query" for one in operation.parameters)
    async with administered.client("user_root") as client:
        for query in queries(operation):
            target = f"{path_of(operation)}?{query}".encode()
            answer = await client.request(operation.method, "/", extensions={"target": target})
            is_refused = answer.status_code >= 400
            if is_refused:
                check_refusal(answer, query)
            assert is_refused or not takes_any or not _is_never_good(query), query
    assert not [line for line in administered.log_lines() if line["event"] == "request.failed"]


@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
async def test_text_that_postgres_cannot_hold_is_refused(administered: Any, operation: Operation) -> None:
    """In every text of every example, wherever it stands."""
    assert operation.body is not None
    async with administered.client("user_root") as client:
        for example in operation.body.examples.values():
            for changed in _with(example, "a\x00b"):
                body = json.dumps(changed).encode()
                answer = await client.request(operation.method, path_of(operation), content=body, headers=JSON)
                check_refusal(answer, str(changed))


def _with(value: Any, odd: str) -> Iterator[Any]:
    """The value with each of its texts replaced in turn."""
    match value:
        case str():
            yield odd
        case dict():
            for key, inner in value.items():
                yield from ({**value, key: changed} for changed in _with(inner, odd))
        case list():
            for place, inner in enumerate(value):
                yield from ([*value[:place], changed, *value[place + 1 :]] for changed in _with(inner, odd))


def test_how_much_was_tried(record_property: Callable[[str, object], None]) -> None:
    bodies = len(WITH_BODY) * len(BODIES) + len(WRITING) * (len(CONTENT_TYPES) + 1)
    asked = sum(len(list(queries(operation))) for operation in READING)
    record_property("told", f"bad inputs tried over all operations: {bodies} bodies, {asked} queries")
    assert bodies + asked > 500


def test_no_source_asks_litestar_for_what_is_unsafe() -> None:
    """Words that must not stand in any call: what they do is described above."""
    unsafe = re.compile(
        r"\b(exclude_from_auth|exclude_opt_key|response_cache_config|cors_config|allowed_hosts|csrf_config"
        r"|compression_config|StructlogPlugin|LoggingMiddleware|static_files_config|debug)\s*="
        r"|\bcache=|\bexclude=[\"'\[r]|litestar[.]contrib|DefineMiddleware"
    )
    for package in ("gateway", "webhook"):
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        sources = list(Path(spec.submodule_search_locations[0]).rglob("*.py"))
        assert len(sources) > 10
        assert [path for path in sources if unsafe.search(path.read_text())] == []


@pytest.mark.parametrize("service", ["gateway", "webhook"])
def test_it_starts_with_every_deprecation_an_error(service: str, tmp_path: Path) -> None:
    """All its modules are there and its application is built, by a Python that forgives no deprecation of Litestar."""
    code = f"""
import importlib, pkgutil, warnings
from litestar.exceptions import LitestarWarning
import {service}
from litestar.utils.deprecation import warn_deprecation
warnings.simplefilter("error", DeprecationWarning)
warnings.simplefilter("error", PendingDeprecationWarning)
warnings.simplefilter("error", LitestarWarning)
try:
    warn_deprecation("1", "probe", "function")
    raise SystemExit("deprecations are no errors here")
except DeprecationWarning:
    pass
for module in pkgutil.walk_packages({service}.__path__, "{service}."):
    importlib.import_module(module.name)
from types import SimpleNamespace
nothing = None
if "{service}" == "gateway":
    from gateway.app import create_routes
    from gateway.composition import Gateway
    from common.metric.process import Metrics as Shared
    from gateway.metric import Metrics
    app = create_routes(Gateway(resources=nothing, publication=nothing, keys=nothing, policy=nothing, origins=(),
                                metrics=Metrics(Shared("gateway")), hub=nothing, marks=nothing, states=nothing))
else:
    from common.clock import Clock
    from webhook.app import create_app
    create_app(SimpleNamespace(metrics=nothing, resources=SimpleNamespace(clock=Clock())))
print("built")
"""
    child = Child.start(Command(service, [sys.executable, "-c", code], plain_environment(), tmp_path / "log"))
    assert child.await_exit(60)
    assert child.last_lines() == ["built"], child.last_lines()
