"""A fault of ours is a 500 that tells nothing, and a line in the log that tells where."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from litestar.exceptions import HTTPException
from psycopg import OperationalError
from psycopg.errors import DataError, LockNotAvailable
from psycopg_pool import PoolTimeout

from common.clock import Clock
from common.errors import CallerError
from common.metric.process import Metrics as Shared
from gateway.app import create_app
from gateway.auth.token import TokenPolicy
from gateway.composition import Gateway
from gateway.failure import judge
from gateway.metric import Metrics
from gateway.problem import Kind, ProblemError

CANARY = "canary7391 jane@example.com"


class BrokenKeys:
    """A source of keys with a bug."""

    is_ready = True

    async def key(self, kid: str) -> RSAPublicKey | None:
        raise LookupError(CANARY, kid)


def broken_app() -> Any:
    nothing: Any = None
    resources: Any = SimpleNamespace(clock=Clock())
    policy = TokenPolicy(issuer="http://127.0.0.1", parties=frozenset())
    return create_app(
        Gateway(
            resources=resources,
            publication=nothing,
            keys=BrokenKeys(),
            policy=policy,
            origins=(),
            metrics=Metrics(Shared("gateway")),
            hub=nothing,
            marks=nothing,
            states=nothing,
        )
    )


@pytest.mark.parametrize("path", ["/api/v1/campaigns", "/api/scraping/tiktok", "/readyz"])
async def test_a_bug_is_a_500_without_its_text(path: str) -> None:
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6Imluc18xIn0.e30.AA"
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(broken_app())
    with structlog.testing.capture_logs() as lines:
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
            answer = await client.get(path)
    problem = answer.json()
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/internal"
    assert problem["instance"] == answer.headers["X-Request-Id"]
    assert ("error" in problem) == path.startswith("/api/scraping")
    assert "canary" not in answer.text
    failed = next(line for line in lines if line["event"] == "request.failed")
    assert failed["error"] in ("LookupError", "AttributeError")
    assert "File" in failed["exception"], "the place"
    assert "canary7391" not in str(lines)
    assert next(line for line in lines if line["event"] == "request.handled")["status"] == 500


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProblemError(Kind.IMPERSONATED, "no"), Kind.IMPERSONATED),
        (CallerError("must be", pointer="/x", code="c"), Kind.VALIDATION),
        (OperationalError(CANARY), Kind.UNAVAILABLE),
        (PoolTimeout(CANARY), Kind.UNAVAILABLE),
        (LockNotAvailable(CANARY), Kind.UNAVAILABLE),
        (TimeoutError(CANARY), Kind.UNAVAILABLE),
        (DataError(CANARY), Kind.INTERNAL),
        (HTTPException(CANARY, status_code=400), Kind.MALFORMED),
        (HTTPException(CANARY, status_code=404), Kind.NOT_FOUND),
        (HTTPException(CANARY, status_code=413), Kind.TOO_LARGE),
        (HTTPException(CANARY, status_code=418), Kind.MALFORMED),
        (HTTPException(CANARY, status_code=500), Kind.INTERNAL),
        (UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY), Kind.INTERNAL),
        (RecursionError(CANARY), Kind.INTERNAL),
    ],
)
def test_every_error_has_its_problem_and_shows_no_text_of_its_own(error: Exception, kind: Kind) -> None:
    problem = judge(error)
    assert problem.kind is kind
    assert "canary" not in problem.detail
    assert ("Retry-After" in problem.headers) == (kind is Kind.UNAVAILABLE)


def test_types_are_stable_and_distinct() -> None:
    """Clients switch on them: to change one is to break them."""
    assert {kind.type for kind in Kind} == {
        "/problems/malformed",
        "/problems/unauthenticated",
        "/problems/impersonated",
        "/problems/not-found",
        "/problems/method-not-allowed",
        "/problems/too-large",
        "/problems/unsupported-media-type",
        "/problems/conflict",
        "/problems/credits-used-up",
        "/problems/forbidden",
        "/problems/idempotency-key-in-flight",
        "/problems/idempotency-key-reused",
        "/problems/quota-exceeded",
        "/problems/too-many-exports",
        "/problems/rate-limited",
        "/problems/validation",
        "/problems/too-many-streams",
        "/problems/unsupported",
        "/problems/internal",
        "/problems/unavailable",
        "/problems/platform-not-started",
    }
