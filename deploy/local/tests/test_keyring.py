"""What the embedded nats-server and its clients prove themselves with: made once, kept, and anew before it expires."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from common.messaging.topology import IDENTITIES
from local.keyring import AUTHORITY_LIFE, CERTIFICATE_LIFE, LEFT_MIN, TESTER, Keyring

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def certificate(folder: Path, name: str = "server") -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_everything_is_for_our_eyes_only(tmp_path: Path) -> None:
    """The folder and each file, also while it is written: nothing else is left in the folder."""
    folder = tmp_path / "identities"
    Keyring.open(folder, now=NOW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        ["ca.pem", "ca.key", "server.pem", "server.key", *(f"{name}.seed" for name in IDENTITIES)], 0o600
    )


def test_every_identity_has_a_seed_of_its_own_and_only_tests_have_one_more(tmp_path: Path) -> None:
    keyring = Keyring.open(tmp_path / "one", now=NOW)
    publics = {keyring.public(name) for name in keyring.identities}
    assert len(publics) == len(IDENTITIES)
    assert Keyring.open(tmp_path / "two", has_tester=True, now=NOW).identities == (*IDENTITIES, TESTER)
    assert f"NATS_NKEY_{TESTER.upper()}" not in keyring.for_server


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    Keyring.open(tmp_path, now=NOW)
    before = contents(tmp_path)
    Keyring.open(tmp_path, now=NOW + timedelta(days=300))
    assert changed(before, contents(tmp_path)) == set()


def test_a_certificate_with_less_than_a_month_left_is_made_anew_by_the_same_authority(tmp_path: Path) -> None:
    Keyring.open(tmp_path, now=NOW)
    before = contents(tmp_path)
    later = NOW + CERTIFICATE_LIFE - LEFT_MIN + timedelta(hours=1)
    Keyring.open(tmp_path, now=later)
    assert changed(before, contents(tmp_path)) == {"server.pem", "server.key"}
    assert certificate(tmp_path).not_valid_after_utc == later + CERTIFICATE_LIFE
    certificate(tmp_path).verify_directly_issued_by(certificate(tmp_path, "ca"))


def test_an_authority_with_less_than_a_month_left_is_made_anew_with_all_that_it_signed(tmp_path: Path) -> None:
    Keyring.open(tmp_path, now=NOW)
    before = contents(tmp_path)
    Keyring.open(tmp_path, now=NOW + AUTHORITY_LIFE - LEFT_MIN + timedelta(hours=1))
    assert changed(before, contents(tmp_path)) == {"ca.pem", "ca.key", "server.pem", "server.key"}
    certificate(tmp_path).verify_directly_issued_by(certificate(tmp_path, "ca"))


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "server.pem", "server.key", "gateway.seed"])
@pytest.mark.parametrize("how", ["missing", "empty", "another's"])
def test_what_was_lost_or_cut_off_is_made_anew(tmp_path: Path, name: str, how: str) -> None:
    if name == "gateway.seed" and how != "missing":
        return  # a seed that is none is told at the next start, and never replaced: somebody put it there
    Keyring.open(tmp_path / "kept", now=NOW)
    Keyring.open(tmp_path / "other", now=NOW)
    file = tmp_path / "kept" / name
    match how:
        case "missing":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case _:
            file.write_bytes((tmp_path / "other" / name).read_bytes())
    keyring = Keyring.open(tmp_path / "kept", now=NOW)
    certificate(keyring.folder).verify_directly_issued_by(certificate(keyring.folder, "ca"))
    for one in ("ca", "server"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keyring.folder / f"{one}.pem", keyring.folder / f"{one}.key")
    assert keyring.public("gateway").startswith("U")


def test_the_certificate_is_good_for_loopback_alone(tmp_path: Path) -> None:
    Keyring.open(tmp_path, now=NOW)
    names = certificate(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.0.0.1", "localhost"]
    assert certificate(tmp_path, "ca").extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate(tmp_path).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
