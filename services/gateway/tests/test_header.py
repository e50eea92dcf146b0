"""What every answer of every operation says of itself: nobody may keep it but its reader, nobody may guess its type,
nothing tells what made it. And two users never see one another's answer, however they ask."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from gateway.contract.operation import Operation
from gateway.contract.table import OPERATIONS

pytestmark = [pytest.mark.server, pytest.mark.security]

ASSET = "readAsset"
PRIVATE = [one for one in OPERATIONS if not one.is_public]
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
TELLTALES = ("server", "x-powered-by", "via", "set-cookie")


def name_of(operation: Operation) -> str:
    return operation.id


def request_of(operation: Operation, **headers: str) -> dict[str, Any]:
    ids = {name: str(uuid4()) for name in re.findall(r"{(\w+)}", operation.path)} | {"platform": "tiktok"}
    given: dict[str, Any] = {"method": operation.method, "url": operation.path.format(**ids), "headers": headers}
    if operation.body is not None:
        given["json"] = next(iter(operation.body.examples.values()))
    return given


def check(answer: httpx.Response) -> None:
    kept = {word.strip() for word in answer.headers["Cache-Control"].split(",")}
    assert "no-store" in kept or {"private", "no-cache"} <= kept
    assert "public" not in kept
    assert {word.strip() for word in answer.headers["Vary"].split(",")} >= {"Authorization", "Origin"}
    assert {name: answer.headers.get(name) for name in SAFETY} == SAFETY or answer.status_code == 304
    assert not [name for name in TELLTALES if name in answer.headers]
    assert len(answer.headers.get_list("Cache-Control")) == len(answer.headers.get_list("Vary")) == 1


@pytest.mark.parametrize("operation", PRIVATE, ids=name_of)
async def test_every_answer_is_its_readers_alone(administered: Any, operation: Operation) -> None:
    """To a user, to an administrator, to a stranger, to a body that is none, to a method that is not known."""
    async with administered.client() as user, administered.client("user_root") as root:
        answers = [
            await user.request(**request_of(operation)),
            await root.request(**request_of(operation)),
            await user.request(**request_of(operation, Authorization="")),
            await user.request(**request_of(operation, Authorization="Bearer x")),
            await user.request(**request_of(operation) | {"method": "PROPFIND"}),
            await user.request(**request_of(operation) | {"content": b"\xff", "json": None}),
            await user.request(**request_of(operation) | {"params": {"nobody": "1"}}),
        ]
    for answer in answers:
        check(answer)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.is_public], ids=name_of)
async def test_what_is_public_says_so_only_for_files_that_never_change(gateway: Any, operation: Operation) -> None:
    async with gateway.stranger() as client:
        if operation.id == ASSET:
            page = (await client.get("/docs")).text
            asset = re.search(r'(?:src|href)="/?(docs/assets/[^"]+)"', page)
            assert asset is not None
            answer = await client.get(f"/{asset[1]}")
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        else:
            answer = await client.get(operation.path)
            assert "public" not in answer.headers["Cache-Control"]
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in TELLTALES if name in answer.headers]


@pytest.mark.parametrize("operation", [one for one in PRIVATE if one.method == "GET"], ids=name_of)
async def test_two_who_ask_the_same_address_are_answered_each_for_themselves(
    administered: Any, operation: Operation
) -> None:
    """In turn, several times, each also with the tag of what the other was answered."""
    async with administered.client("user_root") as root, administered.client("user_bob") as bob:
        await root.post("/api/v1/campaigns", json={"name": "root's own"})
        asked = request_of(operation)
        tags: dict[str, str] = {}
        for _ in range(3):
            for name, client, other in (("root", root, "bob"), ("bob", bob, "root")):
                asked["headers"] = {"If-None-Match": tags[other]} if other in tags else {}
                answer = await client.request(**asked)
                if "ETag" in answer.headers:
                    tags[name] = answer.headers["ETag"]
                assert "root's own" not in answer.text or name == "root"
                if answer.status_code == 304:
                    assert tags["root"] == tags["bob"], "alike only where both are shown the same"
                    assert "root's own" not in (await root.request(**asked | {"headers": {}})).text


async def test_all_refusals_of_a_token_are_the_same_bytes(gateway: Any) -> None:
    """Whatever was wrong with it, wherever it was shown, but for the id of the request."""
    tokens = [
        None,
        "x",
        "a.b.c",
        gateway.token(expires_in=-60),
        gateway.token(key="unknown"),
        gateway.token(key="wrong"),
        gateway.token(claims={"sts": "pending"}),
        gateway.token(header={"alg": "none"}),
        gateway.token(claims={"o": {"id": 7}}),
        "ak_" + "a" * 40,
        "z" * 9000,
    ]
    told: set[tuple[str, ...]] = set()
    async with gateway.stranger() as client:
        for token in tokens:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            for path in ("/api/v1/me", "/api/v1/jobs", f"/api/v1/jobs/{uuid4()}", "/api/v1/settings"):
                answer = await client.get(path, headers=headers)
                assert answer.status_code == 401
                own = answer.headers["X-Request-Id"]
                rest = sorted(f"{name}: {value}" for name, value in answer.headers.items() if name != "date")
                told.add((answer.text.replace(own, ""), *(line.replace(own, "") for line in rest)))
    assert len(told) == 1


async def test_all_refusals_of_an_address_are_the_same_bytes(gateway: Any) -> None:
    """An unknown route, an unknown id, what is no id: whoever looks around learns nothing."""
    paths = ["/nowhere", "/api", "/api/v1/nothing", f"/api/v1/jobs/{uuid4()}", "/api/v1/jobs/x", "/docs/assets/x"]
    async with gateway.client() as client:
        answers = [await client.get(path) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}) == 1


async def test_metrics_name_nobody_and_no_address(gateway: Any) -> None:
    """Every label is a word of ours: whoever may look at the numbers learns of nobody."""
    async with gateway.client("user_canary7391", org="org_canary7391") as client:
        for operation in PRIVATE:
            if operation.id != "watchJob":
                await client.request(**request_of(operation))
        await client.request("CANARY7391", "/canary7391")
        await client.get("/canary7391", headers={"Authorization": "Bearer canary7391"})
        text = (await client.get("/metrics")).text
    assert 'route="/api/v1/jobs/{job_id}"' in text
    assert "canary7391" not in text.lower()
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|user_|org_|sess_|ins_", text)
    labels = set(re.findall(r'(\w+)="', text))
    ours = {"route", "method", "status_class", "reason", "le", "outcome", "platform", "status", "stop_reason", "window"}
    assert labels <= ours | {"change", "service", "version", "generation"}
