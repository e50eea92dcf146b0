"""The running gateway keeps its contract under whatever schemathesis thinks of: no 5xx, no status, media type, header
or document that the contract does not admit, nothing accepted that it forbids. An operation is covered by being in the
contract. `make fuzz` goes on for longer."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.db.platform_state import Ability, announce_platform
from common.domain.creator import Account, Content, Item, Statistics
from common.domain.filter import FilterName
from local.child import plain_environment
from local.loopback import PLAIN_HTTP

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]

COMMAND = str(Path(sys.executable).parent / "schemathesis")
CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = Path(__file__).parent / "fuzz_check.py"
TOKEN_S = 1200
LONG_S = 100
BRIEF = ("--generation-deterministic",)
# Who may do less than a user: whose token has expired, and who looks at a user's things from outside.
OTHERS: dict[str, dict[str, Any]] = {"stranger": {"exp": 1}, "impersonator": {"act": {"sub": "user_support"}}}
SEEN_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)

Fuzz = Callable[..., str]


def closed(node: Any) -> Any:
    """The document with all objects closed: what we answer beyond it is a fault here, though clients must ignore it."""
    match node:
        case dict():
            inner = {key: closed(value) for key, value in node.items()}
            is_open = inner.get("type") == "object" and isinstance(inner.get("properties"), dict)
            return {"additionalProperties": False, **inner} if is_open else inner
        case list():
            return [closed(value) for value in node]
        case _:
            return node


def able(platform: str) -> Ability:
    kinds = ("keyword", "hashtag", "target")
    return Ability(
        platform=platform,
        label=platform.title(),
        modes=("keyword", "similar"),
        search_kinds=kinds,
        filters=tuple(FilterName),
    )


def creator(number: int) -> Item:
    return Item(
        item_id=f"v{number}",
        account=Account(
            platform_id=f"u{number}",
            handle=f"h{number}",
            followers=1000 + number,
            bio=f"Bread. h{number}@example.com",
            links=("https://example.com/shop",),
            last_posted_at=SEEN_AT,
        ),
        content=Content(platform_id=f"v{number}", text="Bread", statistics=Statistics(views=5), posted_at=SEEN_AT),
    )


@pytest.fixture
async def furnished(administered: Any, worker: Any) -> Any:
    """A gateway with every platform and three jobs of its user: under way and done, with creators; cancelled. Nobody
    asks it too often."""
    gateway = administered
    gateway.rows(
        """insert into system_settings (category, key, value) values
               ('limits', 'requests_per_owner_per_minute', '1000000') returning 1"""
    )
    async with worker.unit.database.connection() as connection:
        for name in ("instagram", "youtube"):
            await announce_platform(connection, able(name))
    async with gateway.client() as client:
        while "q=1000000" not in (await client.get("/api/v1/me")).headers["RateLimit-Policy"]:
            await asyncio.sleep(0.1)
        made: list[str] = []
        for target in (50, 3, 10):
            answer = await client.post("/api/scraping/tiktok", json={"keywords": ["bread"], "targetResults": target})
            made.append(answer.json()["jobId"])
        for number, (message, cursor) in enumerate(zip(gateway.qstash.published[:2], ("next", None), strict=True)):
            await worker.deliver(message, [creator(10 * number + one) for one in range(3)], cursor)
        await client.post(f"/api/v1/jobs/{made[2]}/cancel")
        states = [(await client.get(f"/api/v1/jobs/{job_id}")).json()["status"] for job_id in made]
    assert states == ["processing", "completed", "cancelled"]
    return gateway


@pytest.fixture
def fuzz(furnished: Any, tmp_path: Path) -> Fuzz:
    """Runs schemathesis over the gateway's own document; what it found, "" if nothing."""
    document = httpx.get(f"{furnished.url}/openapi.json", **PLAIN_HTTP).raise_for_status().json()
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(closed(document)))

    def run(*options: str, token: str, tag: str | None = None) -> str:
        """`tag`: only its operations."""
        only = [] if tag is None else ["--include-tag", tag]
        done = subprocess.run(
            [
                COMMAND,
                "--config-file",
                str(CONFIG),
                "run",
                str(path),
                "--url",
                furnished.url,
                "--no-color",
                *only,
                *options,
            ],
            cwd=tmp_path,
            env=plain_environment({"GATEWAY_TOKEN": token, "SCHEMATHESIS_HOOKS": str(CHECKS)}),
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout)  # the seed stands there
        if done.returncode != 0:
            return done.stdout + done.stderr
        if "--phases" in options:  # an operation without examples has none to be asked for
            return ""
        found = re.search(r"Tested: (\d+)", done.stdout)
        assert found is not None
        operations = [operation for methods in document["paths"].values() for operation in methods.values()]
        assert int(found[1]) == len([one for one in operations if tag is None or tag in one["tags"]])
        return ""

    return run


async def test_the_contract_holds(furnished: Any, fuzz: Fuzz) -> None:
    assert fuzz(*BRIEF, "--max-examples", "5", token=furnished.token(expires_in=TOKEN_S)) == ""


@pytest.mark.parametrize("who", OTHERS)
async def test_the_contract_holds_for_others(furnished: Any, fuzz: Fuzz, who: str) -> None:
    token = furnished.token(expires_in=TOKEN_S, claims=OTHERS[who])
    assert fuzz(*BRIEF, "--phases", "examples", token=token) == ""
    assert (furnished.count("jobs"), furnished.count("campaigns")) == (3, 0)


async def test_the_contract_holds_for_administrators(furnished: Any, fuzz: Fuzz) -> None:
    """They may change what everybody else depends on, so they are asked last and alone."""
    token = furnished.token("user_root", expires_in=TOKEN_S)
    assert fuzz(*BRIEF, "--max-examples", "5", token=token, tag="administration") == ""


@pytest.mark.fuzz
async def test_the_contract_holds_for_minutes(furnished: Any, fuzz: Fuzz) -> None:
    """Each time with another seed, which is told."""
    assert fuzz("--max-time", str(LONG_S), "--continue-on-failure", token=furnished.token(expires_in=TOKEN_S)) == ""


@pytest.mark.fuzz
@pytest.mark.parametrize("who", OTHERS)
async def test_the_contract_holds_for_others_at_every_border(furnished: Any, fuzz: Fuzz, who: str) -> None:
    token = furnished.token(expires_in=TOKEN_S, claims=OTHERS[who])
    assert fuzz(*BRIEF, "--phases", "coverage", token=token) == ""
    assert (furnished.count("jobs"), furnished.count("campaigns")) == (3, 0)
