"""`local secrets`: what is secret of each container of deploy/compose.yaml, each in a folder of its own.

Safe to repeat: what is there is kept, what is missing or about to expire is made, what is given is written. No
container finds another's secrets in its folder; the authority's key is in a folder that none has.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from common.messaging.nkey import make_seed, read_nkey
from common.messaging.topology import IDENTITIES
from local.keyring import Pair, has_signed, keep_pair, make_authority, make_certificate, read_pair, write_secret
from local.port import LOOPBACK
from local.role import SERVICE_ROLES
from local.stack import AUTHORIZED_PARTY, KEY_VARIABLE, SERVICES

AUTHORITY = "authority"
OWNER = "creatorscout"  # who owns the database, and its name
MOUNTED = "/run/secrets"  # where a container finds its own folder
# Whose login in Postgres each is given; `migrate` has the owner's.
ROLES = {"migrate": OWNER, "operate": "operator", **{service.name: service.role for service in SERVICES}}
# Which variables each may be given, beside what is made here.
GIVEN = {
    service.name: tuple(name for name in service.needs if not name.startswith(("DATABASE_", "NATS_")))
    for service in SERVICES
}
OPTIONAL = {"SCRAPECREATORS_BASE_URL"}
STAND_INS = ("sandbox", "issuer")
_TRY_OUT, _GIVEN = "try-out", "given"


class SecretError(Exception):
    """What keeps it from working, in one line that shows no value."""


@dataclass(frozen=True, slots=True)
class Safe:
    """The folder with everybody's folders."""

    folder: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def fill(self, given: Mapping[str, str], *, is_try_out: bool) -> None:
        """Make what is missing, write what is `given`. Raises SecretError."""
        if unknown := sorted(given.keys() - {name for names in GIVEN.values() for name in names}):
            raise SecretError(f"nobody is given {', '.join(unknown)}")
        try:
            self._claim(_TRY_OUT if is_try_out else _GIVEN)
            self._make_passwords()
            self._make_identities()
            if is_try_out:
                self._make_stand_ins()
            for recipient, names in GIVEN.items():
                self._write(recipient, {name: given[name] for name in names if name in given})
        except OSError as error:
            raise SecretError(f"{error.filename}: {error.strerror}") from error

    def forget(self, names: Iterable[str]) -> None:
        """Remove the seeds of these identities and the passwords of these roles: `fill` makes them anew. Raises
        SecretError."""
        known = {*IDENTITIES, *SERVICE_ROLES}
        if strange := sorted(set(names) - known):
            raise SecretError(f"neither an identity nor a role: {', '.join(strange)}")
        for name in names:
            (self.folder / name / "nats.seed").unlink(missing_ok=True)
            (self.folder / "postgres" / f"{name.upper()}_PASSWORD").unlink(missing_ok=True)

    def lacking(self) -> list[str]:
        """What services need and is in no file: it has to come from their environment."""
        needed = ((who, name) for who, names in GIVEN.items() for name in names if name not in OPTIONAL)
        return sorted({name for who, name in needed if not (self.folder / who / name).exists()})

    def _claim(self, kind: str) -> None:
        """Invented secrets and real ones never stand side by side: real jobs would be done by stand-ins."""
        if self._once(AUTHORITY, "kind", kind) != kind:
            raise SecretError(
                "these secrets were made for trying out: remove them first"
                if kind == _GIVEN
                else "these secrets are real ones: try out under a name of its own (docker compose --project-name)"
            )

    def _make_passwords(self) -> None:
        passwords = {OWNER: self._once("postgres", "OWNER_PASSWORD", secrets.token_urlsafe(32))}
        for role in SERVICE_ROLES:
            passwords[role] = self._once("postgres", f"{role.upper()}_PASSWORD", secrets.token_urlsafe(32))
        self._write("postgres", {"pgpass": f"postgres:5432:*:{OWNER}:{passwords[OWNER]}\n"})
        for recipient, role in ROLES.items():
            url = f"postgresql://{role}:{passwords[role]}@postgres:5432/{OWNER}"
            self._write(recipient, {"DATABASE_URL": url})

    def _make_identities(self) -> None:
        lines: list[str] = []
        for name in IDENTITIES:
            self._once(name, "nats.seed", make_seed(secrets.token_bytes(32)))
            lines.append(f"NATS_NKEY_{name.upper()}={read_nkey(str(self.folder / name / 'nats.seed')).public}\n")
        self._write("nats", {"nkeys.env": "".join(lines)})
        self._certify("nats", IDENTITIES)

    def _make_stand_ins(self) -> None:
        for name in STAND_INS:
            self._certify(name, (name, "gateway", *(each.name for each in SERVICES if each.role == "worker")))
        values = {
            "QSTASH_URL": "http://qstash:8080",
            "QSTASH_TOKEN": self._once("qstash", "QSTASH_TOKEN", secrets.token_urlsafe(32)),
            "PUBLIC_WEBHOOK_URL": "http://edge",
            "CLERK_ISSUER": "https://issuer:8092",
            "CLERK_AUTHORIZED_PARTIES": AUTHORIZED_PARTY,
            KEY_VARIABLE: self._once(AUTHORITY, KEY_VARIABLE, secrets.token_urlsafe(32)),
            "SCRAPECREATORS_BASE_URL": "https://sandbox:8090",
        }
        for name in ("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"):
            values[name] = self._once("qstash", name, f"sig_{secrets.token_hex(16)}")
        for recipient, names in GIVEN.items():
            self._write(recipient, {name: values[name] for name in names})
            if {"CLERK_ISSUER", KEY_VARIABLE} & set(names):
                self._write(recipient, {"HTTPS_CA_FILE": f"{MOUNTED}/ca.pem"})

    def _certify(self, server: str, clients: Iterable[str]) -> None:
        """A certificate for this server, and the authority's for those who are to believe it."""
        authority = self._authority()
        folder = self._room(server)
        kept = read_pair(folder, "server", self.now)
        if kept is None or not has_signed(authority, kept):
            keep_pair(folder, "server", make_certificate(authority, self.now, (server, "localhost", LOOPBACK)))
        certificate = (self.folder / AUTHORITY / "ca.pem").read_text()
        for client in clients:
            self._write(client, {"ca.pem": certificate})

    def _authority(self) -> Pair:
        folder = self._room(AUTHORITY)
        authority = read_pair(folder, "ca", self.now)
        if authority is None:
            authority = make_authority(self.now)
            keep_pair(folder, "ca", authority)
        return authority

    def _once(self, recipient: str, name: str, value: str) -> str:
        """What is kept under this name; `value` if there is nothing yet."""
        path = self._room(recipient) / name
        if not path.exists():
            write_secret(path, value.encode())
        return path.read_text().strip()

    def _write(self, recipient: str, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self._room(recipient) / name
            if not path.exists() or path.read_text() != text:
                write_secret(path, text.encode())

    def _room(self, recipient: str) -> Path:
        folder = self.folder / recipient
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def read_given(text: str) -> dict[str, str]:
    """`NAME=value` lines, as QStash's console shows them. Raises SecretError that names the line, not what it says."""
    return dict(_read_lines(text))


def _read_lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, sign, value = (part.strip() for part in line.partition("="))
        if value[:1] in ("'", '"') and value[-1:] == value[:1]:
            value = value[1:-1]
        if not sign or not name.isidentifier() or not value:
            raise SecretError(f"line {number} is not NAME=value")
        yield name, value
