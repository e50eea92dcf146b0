"""Signs a delivery as QStash does: HS256 over the destination and the body's hash, good for five minutes."""

import base64
import hashlib
from dataclasses import dataclass

import jwt

VALID_S = 300


@dataclass(frozen=True, slots=True)
class Subject:
    """What a signature vouches for."""

    url: str
    body: bytes
    issued_at_s: float
    jti: str


def sign(subject: Subject, key: str) -> str:
    """The value of `Upstash-Signature`. The key is used as the bytes of its text; `iat` is never in the future."""
    issued_at_s = int(subject.issued_at_s // 1)
    claims = {
        "iss": "Upstash",
        "sub": subject.url,
        "exp": issued_at_s + VALID_S,
        "nbf": 0,
        "iat": issued_at_s,
        "jti": subject.jti,
        "body": base64.urlsafe_b64encode(hashlib.sha256(subject.body).digest()).decode(),
    }
    return jwt.encode(claims, key, algorithm="HS256")
