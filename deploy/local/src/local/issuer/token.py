"""Tokens: a valid session token of the second version by default, and anything else on request.

Source of the shape: Clerk's documentation of session tokens (claims `v: 2`, header `cat`).
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from local.issuer.key import KeyRing

SESSION_CATEGORY = "cl_B7d4PD111AAA"
LIFETIME_S = 60
AUTHORIZED_PARTY = "http://localhost:3000"
UNKNOWN_KID = "ins_" + "0" * 26

KINDS: dict[str, tuple[type, ...]] = {
    "user": (str,),
    "org": (str, NoneType),
    "claims": (dict,),
    "header": (dict,),
    "expires_in": (int,),
    "key": (int, str),
}


class WishError(ValueError):
    """A wish for a token that cannot be read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of `POST /token`. In `claims` and `header` null removes a member."""

    user: str = "user_demo"
    org: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
    header: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expires_in: int = LIFETIME_S  # seconds, negative for a token that has expired
    key: int | str = 0  # 0 or 1: published; "unknown": a stranger's key and kid; "wrong": a stranger's key, our kid

    @classmethod
    def read(cls, value: object) -> "Wish":
        """A wish from JSON; WishError names what is wrong."""
        if not isinstance(value, dict):
            raise WishError("a wish is an object")
        unknown = value.keys() - {known.name for known in fields(cls)}
        if unknown:
            raise WishError(f"unknown keys: {', '.join(sorted(map(str, unknown)))}")
        wrong = [name for name, given in value.items() if type(given) not in KINDS[name]]
        if wrong:
            raise WishError(f"of the wrong type: {', '.join(wrong)}")
        wish = cls(**value)
        if wish.key not in (0, 1, "unknown", "wrong"):
            raise WishError('key is 0, 1, "unknown" or "wrong"')
        return wish


def mint(ring: KeyRing, issuer: str, wish: Wish, now: int) -> tuple[str, int]:
    """A signed token and the instant when it expires, both as wished."""
    if wish.key == "unknown":
        kid, private = UNKNOWN_KID, ring.stranger.private
    elif wish.key == "wrong":
        kid, private = ring.keys[0].kid, ring.stranger.private
    else:
        kid, private = ring.keys[int(wish.key)].kid, ring.keys[int(wish.key)].private
    header = _merged({"alg": "RS256", "cat": SESSION_CATEGORY, "kid": kid, "typ": "JWT"}, wish.header)
    claims = _merged(_claims(issuer, wish, now), wish.claims)
    signed = f"{_encoded(header)}.{_encoded(claims)}"
    signature = private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    token = f"{signed}.{_base64url(signature)}"
    return token, now + wish.expires_in


def _claims(issuer: str, wish: Wish, now: int) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "azp": AUTHORIZED_PARTY,
        "exp": now + wish.expires_in,
        "fva": [0, -1],
        "iat": now,
        "iss": issuer,
        "jti": secrets.token_hex(10),
        "nbf": now - 10,
        "sid": f"sess_{secrets.token_hex(13)}",
        "sts": "active",
        "sub": wish.user,
        "v": 2,
    }
    if wish.org is not None:
        claims["o"] = {"id": wish.org, "rol": "admin", "slg": wish.org.removeprefix("org_")}
    return claims


def _merged(defaults: dict[str, Any], wished: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**defaults, **wished}.items() if value is not None}


def _encoded(value: dict[str, Any]) -> str:
    """Signed by hand, because a library would refuse the headers and claims that tests are about."""
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
