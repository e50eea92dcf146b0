"""Nkeys: written here a second time from the description, and shown to a real server."""

import asyncio
import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ConfigurationError
from common.messaging.connection import connect_messaging
from common.messaging.nkey import UserNkey, read_nkey
from common.settings import NatsSettings
from local.nats import Nats

# A pair that anybody may know: the seed is the bytes 0 to 31.
RAW = bytes(range(32))


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM, bit by bit."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1) ^ (0x1021 if value & 0x8000 else 0)
            value &= 0xFFFF
    return value


def base32(data: bytes) -> str:
    """RFC 4648 without padding, bit by bit."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def encode(body: bytes) -> str:
    checksum = crc16(body)
    return base32(body + bytes([checksum & 0xFF, checksum >> 8]))


def seed_of(raw: bytes, kind: str = "U") -> str:
    """S, then the kind of the key: five bits each."""
    prefix = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".index("S") << 11 | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".index(kind) << 6
    return encode(prefix.to_bytes(2, "big") + raw)


def public_of(raw: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(raw).public_key()
    return encode(bytes(["ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".index("U") << 3]) + key.public_bytes_raw())


def seed_file(folder: Path, text: str) -> str:
    path = folder / "seed"
    path.write_text(text)
    return str(path)


def test_the_two_encodings_look_as_they_are_described() -> None:
    assert seed_of(RAW).startswith("SU")
    assert public_of(RAW).startswith("U")
    assert (len(seed_of(RAW)), len(public_of(RAW))) == (58, 56)
    assert crc16(b"123456789") == 0x31C3, "the check value of CRC-16/XMODEM"


@given(raw=st.binary(min_size=32, max_size=32))
def test_the_public_key_of_any_seed(raw: bytes) -> None:
    assert UserNkey(seed_of(raw)).public == public_of(raw)


@given(raw=st.binary(min_size=32, max_size=32), nonce=st.text(st.characters(codec="ascii"), max_size=60))
def test_the_nonce_is_signed_with_the_key(raw: bytes, nonce: str) -> None:
    signature = base64.b64decode(UserNkey(seed_of(raw)).sign(nonce))
    Ed25519PrivateKey.from_private_bytes(raw).public_key().verify(signature, nonce.encode())


@given(at=st.integers(0, 57), letter=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_wrong_letter_is_noticed(at: int, letter: str) -> None:
    seed = seed_of(RAW)
    wrong = seed[:at] + letter + seed[at + 1 :]
    if base64.b32decode(wrong + "======") == base64.b32decode(seed + "======"):
        return  # the last letter has bits to spare
    with pytest.raises(ConfigurationError):
        UserNkey(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S",
        "not a seed",
        seed_of(RAW)[:-1],
        seed_of(RAW) + "A",
        seed_of(RAW).lower(),
        seed_of(RAW) + "\n" + seed_of(RAW),
        seed_of(RAW, "A"),
        seed_of(RAW, "N"),
        seed_of(RAW[:31]),
        seed_of(RAW + b"x"),
        public_of(RAW),
        "=" * 8,
        "A" * 5000,
    ],
    ids=map(str, range(14)),
)
def test_garbage_is_refused_and_never_shown(tmp_path: Path, text: str) -> None:
    """Also the seed of an account or a server, and a public key."""
    with pytest.raises(ConfigurationError) as caught:
        read_nkey(seed_file(tmp_path, text))
    assert str(caught.value) == "NATS_NKEY_SEED_FILE: is not the seed of a user nkey"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_file_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "bytes"):
        with pytest.raises(ConfigurationError) as caught:
            read_nkey(str(path))
        assert str(caught.value) == "NATS_NKEY_SEED_FILE: cannot be read"


def test_blanks_around_the_seed_are_no_fault(tmp_path: Path) -> None:
    assert read_nkey(seed_file(tmp_path, f"\n {seed_of(RAW)}\r\n")).public == public_of(RAW)


def test_nothing_shows_the_seed() -> None:
    nkey = UserNkey(seed_of(RAW))
    assert seed_of(RAW) not in repr(nkey) + str(vars(nkey))


@pytest.mark.parametrize("guarded_nats", [public_of(RAW)], indirect=True)
async def test_a_real_server_lets_the_right_seed_in_and_no_other(guarded_nats: Nats, tmp_path: Path) -> None:
    """The wrong seed, none at all, and a server that is not there: a ConfigurationError after ten seconds each."""
    (tmp_path / "wrong").mkdir()
    right, wrong = seed_file(tmp_path, seed_of(RAW)), seed_file(tmp_path / "wrong", seed_of(RAW[::-1]))
    settings = NatsSettings(nats_url=guarded_nats.url, nats_nkey_seed_file=right)
    messaging = await connect_messaging(settings, name="test", on_lost=lambda: None)
    subscription = await messaging.client.subscribe("progress.x")
    await messaging.client.publish("progress.x", b"hello")
    assert (await subscription.next_msg(timeout=5)).data == b"hello"
    await subscription.unsubscribe()
    guarded_nats.restart()
    await asyncio.wait_for(messaging.reconnected.wait(), 10)
    assert messaging.is_connected, "each nonce is signed anew"
    await messaging.close()
    lost: list[str] = []

    async def refuse(settings: NatsSettings) -> None:
        with pytest.raises(ConfigurationError) as caught:
            await connect_messaging(settings, name="test", on_lost=lambda: lost.append("lost"))
        assert str(caught.value) == "NATS_URL: no server let us in within 10 s"

    async with asyncio.timeout(15):
        await asyncio.gather(
            refuse(settings.model_copy(update={"nats_nkey_seed_file": wrong})),
            refuse(NatsSettings(nats_url=guarded_nats.url)),
            refuse(NatsSettings(nats_url="nats://127.0.0.1:1")),
        )
    assert lost == [], "who never was connected loses nothing"


@pytest.mark.parametrize("text", [None, "", "not a certificate"])
async def test_a_ca_file_that_is_none_is_named_by_its_variable(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    settings = NatsSettings(nats_url="nats://127.0.0.1:1", nats_ca_file=str(path))
    with pytest.raises(ConfigurationError, match=r"^NATS_CA_FILE: is not a readable file of certificates$"):
        await connect_messaging(settings, name="test", on_lost=lambda: None)
