"""Do the tables of tokens notice faults? Every small fault that can be made in the two verifiers is made, one at a
time, and each must make some row of the tables come out otherwise."""

import importlib.util
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gateway.auth.token
import webhook.signature
from local.issuer.key import KeyRing
from local.issuer.token import Wish, mint
from local.issuer.variant import BAD, GOOD, MANGLED, resolve
from local.mutant import Mutant, load, mutants_of

ROOT = Path(__file__).parents[2]
SHARE_MIN = 0.9
ISSUER = "https://clerk.example.com"

Check = Callable[[ModuleType], bool]


def is_noticed(mutant: Mutant, original: ModuleType, check: Check) -> bool:
    try:
        return not check(load(mutant, original))
    except Exception:  # noqa: BLE001 - a mutant may fail in any way: then it is noticed
        return True


def hunt(original: ModuleType, check: Check) -> tuple[int, list[str]]:
    """How many mutants there are, and those that nobody notices."""
    assert original.__file__ is not None
    assert check(original), "the module itself passes"
    found = list(mutants_of(Path(original.__file__)))
    return len(found), [one.name for one in found if not is_noticed(one, original, check)]


def tell(record: Callable[[str, object], None], name: str, count: int, alive: list[str]) -> None:
    share = 1 - len(alive) / count
    record("told", f"mutants of {name}: {count - len(alive)} of {count} noticed ({share:.1%})")
    assert count > 100
    assert share >= SHARE_MIN, chr(10).join(alive)


def test_faults_in_the_verifier_of_session_tokens_are_noticed(record_property: Callable[[str, object], None]) -> None:
    ring = KeyRing()
    keys = {key.kid: key.private.public_key() for key in ring.keys}
    now = int(time.time())
    parties = frozenset({"http://localhost:3000", "https://app.example.com"})

    def minted(wish: Any, at: int = now) -> str:
        given = {"expires_in": 3600, **resolve(wish, issuer=ISSUER, now=at)}
        return mint(ring, ISSUER, Wish.read(given), at)[0]

    variants = (*GOOD, *BAD)
    # Those that are about the clock are made anew for every mutant: the hunt takes longer than their seconds.
    clocked = [one for one in variants if "expires_in" in one.wish or "'now'" in str(one.wish)]
    rows = [(minted(one.wish), one.reason) for one in variants if one not in clocked]
    rows += [(one.mangle(minted({})), one.reason) for one in MANGLED]
    shown = [
        ({"user": "user_a", "org": "org_b"}, ("user_a", "org:org_b", None)),
        ({"user": "user_a", "claims": {"org_id": "org_c"}}, ("user_a", "org:org_c", None)),
        (
            {"user": "user_a", "claims": {"act": {"sub": "s" * 121}}},
            ("user_a", "user:user_a", "s" * 120),
        ),
        ({"user": "user_a", "claims": {"act": {"sub": ""}}}, ("user_a", "user:user_a", "unknown")),
        ({"user": "user_a", "claims": {"act": {"sub": 7}}}, ("user_a", "user:user_a", "unknown")),
        ({"user": "user_a", "claims": {"act": "x"}}, ("user_a", "user:user_a", "unknown")),
        ({"user": "user_a", "claims": {"exp": now + 3600.5, "sid": "sess_z"}}, ("user_a", "user:user_a", None)),
    ]
    principals = [(minted(wish), told) for wish, told in shown]

    def judge(module: ModuleType, token: str) -> str | None:
        try:
            key = keys.get(module.read_kid(token))
            if key is None:
                return "unknown_kid"
            policy = module.TokenPolicy(issuer=ISSUER, parties=parties)
            told = module.verify_token(token, key, policy)
            assert told.session_id.startswith("sess_")
            assert told.expires_at > now - 5
        except module.TokenRefusedError as error:
            return error.reason if str(error) == error.reason else "?"
        return None

    def check(module: ModuleType) -> bool:
        policy = module.TokenPolicy(issuer=ISSUER, parties=parties)
        for token, (user, owner, actor) in principals:
            told = module.verify_token(token, keys[module.read_kid(token)], policy)
            if (told.user_id, told.owner, told.actor) != (user, owner, actor):
                return False
        fresh = [(minted(one.wish, int(time.time())), one.reason) for one in clocked]
        return all(judge(module, token) == reason for token, reason in (*fresh, *rows))

    count, alive = hunt(gateway.auth.token, check)
    tell(record_property, "the verifier of session tokens", count, alive)


def table_of_signatures() -> Any:
    """The tests of the webhook's verifier, as a module: its table is the one that is asked here."""
    path = ROOT / "services/webhook/tests/test_signature.py"
    spec = importlib.util.spec_from_file_location("signature_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_faults_in_the_verifier_of_signatures_are_noticed(record_property: Callable[[str, object], None]) -> None:
    table = table_of_signatures()

    def judge(module: ModuleType, token: str | None, raw: bytes, url: str, now: datetime) -> tuple[str, str | None]:
        try:
            told = module.verify(token, raw, keys=module.Keys(table.CURRENT, table.NEXT), url=url, now=now)
        except module.SignatureRefusedError as error:
            return error.reason.value if str(error) == error.reason.value else "?", None
        return told.key, told.jti

    long_url = "https://example.com/" + "a" * 2000
    longest = table.token(jti="j" * 256)

    def check(module: ModuleType) -> bool:
        now = table.NOW
        assert now.tzinfo is UTC
        for token, verdict in table.TABLE.values():
            if judge(module, token, table.BODY, table.URL, now)[0] != str(verdict):
                return False
        good = table.token()
        for raw in (b'{"jobId":"1"}', table.BODY + b"\n", b"", b"\xff"):
            if judge(module, good, raw, table.URL, now)[0] != "body":
                return False
        late, tomorrow = now + timedelta(seconds=359), datetime.now(UTC) + timedelta(days=1)
        at = int(tomorrow.timestamp())
        if judge(module, table.token(exp=at, nbf=at), table.BODY, table.URL, tomorrow)[0] != "current":
            return False
        return (
            judge(module, good, table.BODY, table.URL, late) == ("current", "jwt_1")
            and judge(module, good, table.BODY, table.URL, late + timedelta(seconds=1))[0] == "expired"
            and judge(module, table.token(sub=long_url), table.BODY, long_url, now) == ("current", "jwt_1")
            and judge(module, longest, table.BODY, table.URL, now) == ("current", "j" * 256)
            and judge(module, "." * module.TOKEN_LENGTH_MAX, b"", table.URL, now)[0] == "malformed"
            and judge(module, "." * 4097, b"", table.URL, now)[0] == "too_long"
            and judge(module, "." * 4096, b"", table.URL, now)[0] == "malformed"
        )

    count, alive = hunt(webhook.signature, check)
    tell(record_property, "the verifier of QStash's signatures", count, alive)
