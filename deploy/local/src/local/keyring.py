"""What proves at the embedded nats-server who is who: an authority, the server's certificate, a seed for each identity.

Made at the first start in a folder that only we can read, kept for the next. What has less than a month left is made
anew at a start: whoever reads the files then, as each process does at its start, has the new ones.
"""

import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.messaging.nkey import make_seed, read_nkey
from common.messaging.topology import IDENTITIES
from local.port import LOOPBACK

AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=365)
LEFT_MIN = timedelta(days=30)
TESTER = "tester"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Keyring:
    """The files of one server. With a tester there is one more identity, which may do everything: for tests."""

    folder: Path
    has_tester: bool = False

    @classmethod
    def open(cls, folder: Path, *, has_tester: bool = False, now: datetime | None = None) -> Self:
        """Make what is missing or about to expire."""
        keyring = cls(folder.resolve(), has_tester)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in keyring.identities:
            if not keyring.seed_file(name).exists():
                write_secret(keyring.seed_file(name), make_seed(secrets.token_bytes(32)).encode())
        keyring._renew(now or datetime.now(UTC))
        return keyring

    @property
    def identities(self) -> tuple[str, ...]:
        return (*IDENTITIES, TESTER) if self.has_tester else IDENTITIES

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def seed_file(self, name: str) -> Path:
        return self.folder / f"{name}.seed"

    def public(self, name: str) -> str:
        return read_nkey(str(self.seed_file(name))).public

    @property
    def for_server(self) -> dict[str, Path | str]:
        """What the server's configuration asks of its environment of these."""
        nkeys = {f"NATS_NKEY_{name.upper()}": self.public(name) for name in self.identities}
        return {"NATS_CERT_FILE": self.folder / "server.pem", "NATS_KEY_FILE": self.folder / "server.key", **nkeys}

    def for_client(self, name: str) -> dict[str, str]:
        """What a service is given to connect as `name`."""
        return {"NATS_NKEY_SEED_FILE": str(self.seed_file(name)), "NATS_CA_FILE": str(self.ca_file)}

    def _renew(self, now: datetime) -> None:
        authority = read_pair(self.folder, "ca", now)
        server = read_pair(self.folder, "server", now)
        if authority is None:
            authority, server = make_authority(now), None
            keep_pair(self.folder, "ca", authority)
        if server is None or not has_signed(authority, server):
            keep_pair(self.folder, "server", make_certificate(authority, now))


def make_authority(now: datetime) -> Pair:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Creatorscout local authority")])
    usage = _usage(signs_certificates=True)
    builder = _builder(name, key, now, AUTHORITY_LIFE).issuer_name(name)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Pair(builder.add_extension(usage, critical=True).sign(key, SHA256()), key)


def make_certificate(
    authority: Pair, now: datetime, names: Sequence[str] = (LOOPBACK, "localhost"), *, is_client: bool = False
) -> Pair:
    """A server's certificate for these names and addresses; with `is_client` it may also call with it."""
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = _builder(subject, key, now, CERTIFICATE_LIFE).issuer_name(authority.certificate.subject)
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if is_client else [])]
    of_authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage(uses), False),
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (of_authority, False),
    ):
        builder = builder.add_extension(extension, critical)
    return Pair(builder.sign(authority.key, SHA256()), key)


def write_pair(pair: Pair, certificate_file: Path, key_file: Path) -> None:
    """Both as PEM, for our eyes only."""
    secret = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_secret(key_file, secret)
    write_secret(certificate_file, pair.certificate.public_bytes(Encoding.PEM))


def _builder(
    subject: x509.Name, key: EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def keep_pair(folder: Path, name: str, pair: Pair) -> None:
    write_pair(pair, folder / f"{name}.pem", folder / f"{name}.key")


def read_pair(folder: Path, name: str, now: datetime) -> Pair | None:
    """What is kept, unless it is broken, half written or about to expire."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
        key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    assert isinstance(key, EllipticCurvePrivateKey)
    is_whole = certificate.public_key() == key.public_key()
    return Pair(certificate, key) if is_whole and certificate.not_valid_after_utc - now >= LEFT_MIN else None


def has_signed(authority: Pair, server: Pair) -> bool:
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def write_secret(path: Path, content: bytes) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.rename(path)
