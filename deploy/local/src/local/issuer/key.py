"""The keys of the issuer: two that it publishes, and a stranger's that it does not."""

import base64
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    kid: str  # as Clerk: the id of the instance
    private: RSAPrivateKey

    def jwk(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": "RS256",
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }


def make_key() -> Key:
    """A new key under a new id."""
    return Key(f"ins_{secrets.token_hex(13)}", generate_private_key(public_exponent=65537, key_size=KEY_BITS))


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyRing:
    """The published keys, in order; a dropped key still signs, but nobody can verify it any more."""

    def __init__(self) -> None:
        self.keys = [make_key(), make_key()]
        self.dropped_kids: set[str] = set()
        self.stranger = make_key()

    def rotate(self) -> Key:
        """A new key takes place 0, the former 0 moves to place 1, the former 1 is gone."""
        self.keys = [make_key(), self.keys[0]]
        return self.keys[0]

    def drop(self, place: int) -> Key:
        """Publish this key no longer."""
        self.dropped_kids.add(self.keys[place].kid)
        return self.keys[place]

    def restore(self) -> None:
        """Publish all keys again."""
        self.dropped_kids.clear()

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": [key.jwk() for key in self.keys if key.kid not in self.dropped_kids]}
