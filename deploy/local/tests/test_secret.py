"""What is secret of each container: made once, kept, each in the folder of who needs it and in no other."""

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from common.messaging.nkey import read_nkey
from common.messaging.topology import IDENTITIES
from common.settings import QSTASH_PUBLISHED_KEYS
from local.qstash.keys import USERS
from local.role import SERVICE_ROLES
from local.secret import AUTHORITY, GIVEN, ROLES, Safe, SecretError, read_given
from local.stack import SERVICES

NOW = datetime(2026, 11, 1, tzinfo=UTC)
REAL = {
    "QSTASH_URL": "https://qstash.example",
    "QSTASH_TOKEN": "token-of-ours",
    "QSTASH_CURRENT_SIGNING_KEY": "sig_current",
    "QSTASH_NEXT_SIGNING_KEY": "sig_next",
    "PUBLIC_WEBHOOK_URL": "https://api.example",
    "SCRAPECREATORS_API_KEY": "key-of-ours",
    "CLERK_ISSUER": "https://clerk.example",
    "CLERK_AUTHORIZED_PARTIES": "https://app.example",
}
COMMAND = Path(sys.executable).parent / "local"


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.mark.parametrize("is_try_out", [True, False])
def test_everything_is_for_one_user_only(tmp_path: Path, is_try_out: bool) -> None:
    Safe(tmp_path / "all", NOW).fill({}, is_try_out=is_try_out)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "all").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "all").iterdir()} == {0o700}


def test_for_trying_out_nothing_has_to_be_given(tmp_path: Path) -> None:
    safe = Safe(tmp_path, NOW)
    safe.fill({}, is_try_out=True)
    assert safe.lacking() == []
    for service in SERVICES:
        made = {path.name for path in (tmp_path / service.name).iterdir()}
        assert {name for name in service.needs if not name.startswith("NATS_")} <= made
        assert {"nats.seed", "ca.pem"} <= made


def test_what_is_invented_is_not_what_everybody_knows(tmp_path: Path) -> None:
    Safe(tmp_path, NOW).fill({}, is_try_out=True)
    values = contents(tmp_path / "qstash")
    keys = {values["QSTASH_CURRENT_SIGNING_KEY"], values["QSTASH_NEXT_SIGNING_KEY"]}
    assert len(keys) == 2
    assert not keys & QSTASH_PUBLISHED_KEYS
    assert values["QSTASH_TOKEN"] not in {user.token for user in USERS}
    assert min(len(value) for value in values.values()) >= 32


def test_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        Safe(tmp_path, NOW).fill(REAL, is_try_out=False)
        before = contents(tmp_path)
    Safe(tmp_path, NOW + timedelta(days=1)).fill({}, is_try_out=False)
    assert changed(before, contents(tmp_path)) == set()


def test_what_was_cut_short_is_completed(tmp_path: Path) -> None:
    Safe(tmp_path, NOW).fill({}, is_try_out=True)
    before = contents(tmp_path)
    for name in ("nats/nkeys.env", "tiktok/ca.pem", "gateway/DATABASE_URL", "postgres/pgpass", "issuer/HTTPS"):
        (tmp_path / name).unlink(missing_ok=True)
    Safe(tmp_path, NOW).fill({}, is_try_out=True)
    assert contents(tmp_path) == before


def test_what_is_given_goes_to_those_who_read_it_and_to_no_other(tmp_path: Path) -> None:
    safe = Safe(tmp_path, NOW)
    safe.fill(REAL, is_try_out=False)
    for name, value in REAL.items():
        holders = {path.split("/")[0] for path, text in contents(tmp_path).items() if value in text}
        assert holders == {who for who, names in GIVEN.items() if name in names}, name
    assert safe.lacking() == []


def test_without_stand_ins_nothing_is_invented_that_others_give(tmp_path: Path) -> None:
    safe = Safe(tmp_path, NOW)
    safe.fill({}, is_try_out=False)
    assert set(safe.lacking()) == set(REAL)
    assert {path.name for path in tmp_path.iterdir()} == {AUTHORITY, "postgres", "nats", "operate", *IDENTITIES}


def test_a_key_that_was_changed_is_taken_over(tmp_path: Path) -> None:
    Safe(tmp_path, NOW).fill(REAL, is_try_out=False)
    before = contents(tmp_path)
    Safe(tmp_path, NOW).fill({"QSTASH_NEXT_SIGNING_KEY": "sig_another"}, is_try_out=False)
    assert changed(before, contents(tmp_path)) == {"webhook/QSTASH_NEXT_SIGNING_KEY"}


def test_no_folder_but_that_of_postgres_has_more_than_one_login(tmp_path: Path) -> None:
    Safe(tmp_path, NOW).fill(REAL, is_try_out=False)
    files = contents(tmp_path)
    passwords = {role: files[f"postgres/{role.upper()}_PASSWORD"] for role in (*SERVICE_ROLES, "owner")}
    assert len(set(passwords.values())) == len(passwords)
    for role, password in passwords.items():
        holders = {name.split("/")[0] for name, text in files.items() if password in text}
        login = "creatorscout" if role == "owner" else role
        assert holders == {"postgres", *(who for who, theirs in ROLES.items() if theirs == login)}, role


def test_no_two_share_an_identity_and_the_server_knows_each(tmp_path: Path) -> None:
    Safe(tmp_path, NOW).fill({}, is_try_out=False)
    told = dict(line.split("=") for line in (tmp_path / "nats/nkeys.env").read_text().splitlines())
    assert told == {
        f"NATS_NKEY_{name.upper()}": read_nkey(str(tmp_path / name / "nats.seed")).public for name in IDENTITIES
    }
    assert len(set(told.values())) == len(IDENTITIES)


@pytest.mark.parametrize("server", ["nats", "sandbox", "issuer"])
def test_a_server_has_a_certificate_for_its_name_that_its_clients_believe(tmp_path: Path, server: str) -> None:
    Safe(tmp_path, NOW).fill({}, is_try_out=True)
    certificate = x509.load_pem_x509_certificate((tmp_path / server / "server.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert server in names.get_values_for_type(x509.DNSName)
    for client in ("gateway", "tiktok", "youtube"):
        authority = x509.load_pem_x509_certificate((tmp_path / client / "ca.pem").read_bytes())
        certificate.verify_directly_issued_by(authority)


def test_a_certificate_is_made_anew_before_it_ends_and_the_authority_stays(tmp_path: Path) -> None:
    Safe(tmp_path, NOW).fill({}, is_try_out=False)
    before = contents(tmp_path)
    Safe(tmp_path, NOW + timedelta(days=340)).fill({}, is_try_out=False)
    assert changed(before, contents(tmp_path)) == {"nats/server.pem", "nats/server.key"}


def test_a_seed_and_a_password_are_made_anew_if_asked(tmp_path: Path) -> None:
    safe = Safe(tmp_path, NOW)
    safe.fill({}, is_try_out=False)
    before = contents(tmp_path)
    safe.forget(["gateway"])
    safe.fill({}, is_try_out=False)
    assert changed(before, contents(tmp_path)) == {
        "gateway/nats.seed",
        "nats/nkeys.env",
        "gateway/DATABASE_URL",
        "postgres/GATEWAY_PASSWORD",
    }
    with pytest.raises(SecretError, match="neither an identity nor a role: stranger"):
        safe.forget(["stranger"])


@pytest.mark.parametrize("first", [True, False])
def test_invented_secrets_and_real_ones_never_stand_side_by_side(tmp_path: Path, first: bool) -> None:
    Safe(tmp_path, NOW).fill({}, is_try_out=first)
    before = contents(tmp_path)
    with pytest.raises(SecretError, match="these secrets"):
        Safe(tmp_path, NOW).fill({}, is_try_out=not first)
    assert contents(tmp_path) == before


def test_lines_are_read_as_the_console_shows_them() -> None:
    text = "# of QStash\nQSTASH_TOKEN=\"a=b==\"\n\n  QSTASH_URL = https://x \nCLERK_ISSUER='https://y'\n"
    assert read_given(text) == {"QSTASH_TOKEN": "a=b==", "QSTASH_URL": "https://x", "CLERK_ISSUER": "https://y"}


@pytest.mark.parametrize(
    "line", ["QSTASH_TOKEN", "QSTASH_TOKEN=", 'QSTASH_TOKEN=""', "=hidden-word", "a b=hidden-word"]
)
def test_a_line_that_is_none_is_named_and_not_shown(line: str) -> None:
    with pytest.raises(SecretError) as caught:
        read_given(f"# first\n{line}\n")
    assert str(caught.value) == "line 2 is not NAME=value"


def test_a_name_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"^nobody is given QSTASH_TOKENS$"):
        Safe(tmp_path, NOW).fill({"QSTASH_TOKENS": "hidden-word"}, is_try_out=False)
    assert contents(tmp_path) == {}


@pytest.mark.server
def test_the_command_reads_what_is_given_and_says_what_lacks(tmp_path: Path) -> None:
    argv = [str(COMMAND), "secrets", str(tmp_path), "--given", "-"]
    given = "QSTASH_TOKEN=hidden-word\n"
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=True)
    lacking = ", ".join(sorted(REAL.keys() - {"QSTASH_TOKEN"}))
    assert done.stdout == f"secrets are in place; to be given, here or by the environment: {lacking}\n"
    assert (tmp_path / "webhook/QSTASH_TOKEN").read_text() == "hidden-word"
    done = subprocess.run([*argv, "--try-out"], input="", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("secrets: these secrets are real ones")
