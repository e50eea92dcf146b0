"""Whether a request comes from QStash: its signature over the raw bytes and over the address that we published.

The rule: one algorithm, every claim required, the address from the configuration. QStash's own Receiver is not used: it
refuses tokens that clocks a second apart make, hides why, and cannot read bytes (it is the oracle of the tests).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from common.errors import CreatorscoutError

TOKEN_LENGTH_MAX = 4096
JTI_LENGTH_MAX = 256
LEEWAY = timedelta(seconds=60)

_ISSUER = "Upstash"
_CLAIMS = ("iss", "sub", "exp", "nbf", "jti", "body")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SECONDS_MAX = 2**53

KeyName = Literal["current", "next"]


class Reason(StrEnum):
    """Why a signature is not believed. For the log only: the answer never tells."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    WRONG_KEY = "wrong_key"
    CLAIM_MISSING = "claim_missing"
    CLAIM_MALFORMED = "claim_malformed"
    ISSUER = "issuer"
    SUBJECT = "subject"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    BODY = "body"


class SignatureRefusedError(CreatorscoutError):
    """The request is not believed to come from QStash."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Keys:
    """QStash signs with the current one; after a rotation the next one is current."""

    current: str
    next: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that is QStash's, with its unique id."""

    jti: str
    key: KeyName


def verify(token: str | None, raw: bytes, *, keys: Keys, url: str, now: datetime) -> Verified:
    """The token's id and the key that made it. Raises SignatureRefusedError.

    `url` is the address that was given to QStash, compared byte for byte.
    """
    if not token:
        raise SignatureRefusedError(Reason.MISSING)
    if len(token) > TOKEN_LENGTH_MAX:
        raise SignatureRefusedError(Reason.TOO_LONG)
    if _TOKEN.fullmatch(token) is None:
        raise SignatureRefusedError(Reason.MALFORMED)
    claims, key = _decode(token, keys)
    _check_time(claims, now)
    if claims["sub"] != url:
        raise SignatureRefusedError(Reason.SUBJECT)
    if not hmac.compare_digest(_body_hash(raw), _text(claims["body"]).rstrip(b"=")):
        raise SignatureRefusedError(Reason.BODY)
    jti: str = claims["jti"]
    if not 0 < len(jti) <= JTI_LENGTH_MAX or not jti.isprintable():
        raise SignatureRefusedError(Reason.CLAIM_MALFORMED)
    return Verified(jti=jti, key=key)


def _decode(token: str, keys: Keys) -> tuple[Mapping[str, Any], KeyName]:
    """The claims by whichever key signed them. What is wrong with a token of the right key is not masked."""
    try:
        return _decode_with(token, keys.current), "current"
    except jwt.InvalidSignatureError:
        pass
    try:
        return _decode_with(token, keys.next), "next"
    except jwt.InvalidSignatureError:
        raise SignatureRefusedError(Reason.WRONG_KEY) from None


def _decode_with(token: str, key: str) -> Mapping[str, Any]:
    """Times are checked by us: PyJWT reads the clock itself, and takes numbers that are none."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            issuer=_ISSUER,
            options={"require": list(_CLAIMS), "verify_iat": False, "verify_exp": False, "verify_nbf": False},
        )
    except jwt.InvalidSignatureError:
        raise
    except jwt.InvalidAlgorithmError:
        raise SignatureRefusedError(Reason.ALGORITHM) from None
    except jwt.MissingRequiredClaimError:
        raise SignatureRefusedError(Reason.CLAIM_MISSING) from None
    except jwt.InvalidIssuerError:
        raise SignatureRefusedError(Reason.ISSUER) from None
    except (InvalidSubjectError, InvalidJTIError):
        raise SignatureRefusedError(Reason.CLAIM_MALFORMED) from None
    except jwt.PyJWTError:
        raise SignatureRefusedError(Reason.MALFORMED) from None


def _check_time(claims: Mapping[str, Any], now: datetime) -> None:
    """`iat` says nothing that `exp` and `nbf` do not, and is in the future when clocks differ by a second."""
    expires, begins = _seconds(claims["exp"]), _seconds(claims["nbf"])
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if expires + leeway <= at:
        raise SignatureRefusedError(Reason.EXPIRED)
    if begins - leeway > at:
        raise SignatureRefusedError(Reason.NOT_YET_VALID)


def _seconds(value: object) -> float:
    """A time as JWT writes it; no text, no boolean, no NaN, nothing beyond any clock."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _SECONDS_MAX:
        raise SignatureRefusedError(Reason.CLAIM_MALFORMED)
    return value


def _text(value: object) -> bytes:
    if not isinstance(value, str):
        raise SignatureRefusedError(Reason.CLAIM_MALFORMED)
    return value.encode(errors="backslashreplace")


def _body_hash(raw: bytes) -> bytes:
    """As QStash writes it, without padding; it pads, its verifiers take both."""
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=")
