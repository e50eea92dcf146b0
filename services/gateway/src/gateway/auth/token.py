"""Verifies a session token. Pure but for the time, which PyJWT reads.

The rule: only a session token of our issuer, for one of our origins, is believed. The same keys sign machine and OAuth
tokens, so the class of a token is checked as well as its signature. Whatever is odd is refused.
Source of names and values: Clerk's documentation of session tokens (versions 1, 2) and its JavaScript SDK (`cat`).
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.auth.principal import Principal

TOKEN_LENGTH_MAX = 8192
LEEWAY_S = 5
ALGORITHM = "RS256"

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KID_LENGTH_MAX = 200
_OAUTH_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_SESSION_CATEGORIES = frozenset({"cl_B7d4PD111AAA", "cl_I7d4PD111III"})  # a session; "no information"
_REQUIRED = ["exp", "iat", "nbf", "iss", "sub", "sid"]
_INSTANTS = ("exp", "iat", "nbf")
_SECONDS_MAX = 2**53
_USER = re.compile(r"user_[A-Za-z0-9_]{1,100}")
_SESSION = re.compile(r"sess_[A-Za-z0-9_]{1,100}")
_ORGANISATION = re.compile(r"[A-Za-z0-9_]{1,100}")


class TokenRefusedError(Exception):
    """Not a token that we believe. `reason` is a constant, for the log and the metric only."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """Whose tokens are believed, and for which origins (`azp`), both compared exactly."""

    issuer: str
    parties: frozenset[str]


def read_kid(token: str) -> str:
    """The id of the key that the token says it is signed with, if its form and its class are right."""
    if len(token) > TOKEN_LENGTH_MAX:
        raise TokenRefusedError("too_long")
    if not _COMPACT.fullmatch(token):
        raise TokenRefusedError("malformed")
    header = _header(token)
    if header.get("alg") != ALGORITHM:
        raise TokenRefusedError("algorithm")
    if str(header.get("typ")).lower() in _OAUTH_TYPES:
        raise TokenRefusedError("type")
    if "crit" in header or "b64" in header:
        raise TokenRefusedError("critical")
    category = header.get("cat")
    if "cat" in header and not (isinstance(category, str) and category in _SESSION_CATEGORIES):
        raise TokenRefusedError("category")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _KID_LENGTH_MAX:
        raise TokenRefusedError("kid")
    return kid


def verify_token(token: str, key: RSAPublicKey, policy: TokenPolicy) -> Principal:
    """Whom the token speaks for. Raises TokenRefusedError; the caller has passed `read_kid` before."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=policy.issuer,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED, "verify_aud": False},
        )
    except jwt.PyJWTError as error:
        raise TokenRefusedError(type(error).__name__) from error
    except (ValueError, ArithmeticError, RecursionError, TypeError) as error:
        raise TokenRefusedError("unreadable") from error
    if not all(_is_instant(claims[name]) for name in _INSTANTS):
        raise TokenRefusedError("instant")
    if not _USER.fullmatch(str(claims["sub"])):
        raise TokenRefusedError("subject")
    if not isinstance(claims["sid"], str) or not _SESSION.fullmatch(claims["sid"]):
        raise TokenRefusedError("session")
    if not isinstance(claims.get("azp"), str) or claims["azp"] not in policy.parties:
        raise TokenRefusedError("authorized_party")
    if claims.get("sts", "active") != "active":
        raise TokenRefusedError("status")
    return Principal(
        user_id=claims["sub"],
        session_id=claims["sid"],
        org_id=_organisation(claims),
        actor=_actor(claims),
        expires_at=int(claims["exp"]),
        org_role=_role(claims),
    )


def _header(token: str) -> dict[str, Any]:
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError) as error:
        raise TokenRefusedError("malformed") from error
    if not isinstance(header, dict):
        raise TokenRefusedError("malformed")
    return header


def _is_instant(value: object) -> bool:
    """PyJWT takes a text or a truth for a number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _SECONDS_MAX


def _organisation(claims: dict[str, Any]) -> str | None:
    """`o.id` of version 2, `org_id` of version 1. One that cannot be read is refused: never another tenant instead."""
    named: list[Any] = []
    if claims.get("org_id") is not None:
        named.append(claims["org_id"])
    if (nested := claims.get("o")) is not None:
        named.append(nested.get("id") if isinstance(nested, dict) else None)
    if not named:
        return None
    if any(not isinstance(name, str) or not _ORGANISATION.fullmatch(name) for name in named) or len(set(named)) > 1:
        raise TokenRefusedError("organisation")
    return str(named[0])


def _role(claims: dict[str, Any]) -> str | None:
    """`o.rol` of version 2, `org_role` of version 1. One that cannot be read, or two that differ, are none."""
    nested = claims.get("o")
    named = [nested.get("rol") if isinstance(nested, dict) else None, claims.get("org_role")]
    told = {name.removeprefix("org:") if isinstance(name, str) else None for name in named if name is not None}
    return told.pop() if len(told) == 1 else None


def _actor(claims: dict[str, Any]) -> str | None:
    actor = claims.get("act")
    if actor is None:
        return None
    subject = actor.get("sub") if isinstance(actor, dict) else None
    return subject[:120] if isinstance(subject, str) and subject else "unknown"
