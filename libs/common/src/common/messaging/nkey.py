"""A user nkey: the Ed25519 identity of a service at the NATS server.

The `nkeys` package is published as source only, and nothing is installed from source here; the format is short:
base32 of two prefix bytes, the 32 bytes of the seed and a CRC-16 (docs.nats.io, "NKeys").
"""

import base64
import binascii
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common.errors import ConfigurationError

_SEED_PREFIX = 18 << 3
_USER_PREFIX = 20 << 3
_FAULT = "NATS_NKEY_SEED_FILE: is not the seed of a user nkey"


class UserNkey:
    """Signs the server's nonce. The seed stays inside."""

    def __init__(self, seed: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(_raw_seed(seed))

    @property
    def public(self) -> str:
        """What the server's configuration names: `U...`."""
        body = bytes([_USER_PREFIX]) + self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b32encode(body + _checksum(body)).decode().rstrip("=")

    def sign(self, nonce: str) -> bytes:
        return base64.b64encode(self._key.sign(nonce.encode()))


def make_seed(raw: bytes) -> str:
    """The seed of a user nkey, `SU...`, from 32 bytes that nobody can guess."""
    body = bytes([_SEED_PREFIX | _USER_PREFIX >> 5, _USER_PREFIX << 3 & 255]) + raw
    assert len(raw) == 32
    return base64.b32encode(body + _checksum(body)).decode().rstrip("=")


def read_nkey(path: str) -> UserNkey:
    """The nkey whose seed the file holds. Raises ConfigurationError, which never shows what the file holds."""
    try:
        text = Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError("NATS_NKEY_SEED_FILE: cannot be read") from None
    return UserNkey(text.strip())


def _raw_seed(seed: str) -> bytes:
    try:
        data = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error:
        raise ConfigurationError(_FAULT) from None
    body, checksum = data[:-2], data[-2:]
    is_user_seed = (
        len(body) == 34 and body[0] == _SEED_PREFIX | _USER_PREFIX >> 5 and body[1] == _USER_PREFIX << 3 & 255
    )
    if not is_user_seed or checksum != _checksum(body):
        raise ConfigurationError(_FAULT)
    return body[2:]


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(2, "little")
