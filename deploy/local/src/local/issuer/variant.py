"""A table of session tokens for tests: those that a verifier must believe, those that it must refuse, and for what
reason. They are wishes to the issuer, so that the same rows are tried on the verifier alone and over HTTP.

In a wish `ISSUER` stands for the issuer's name, and `now` for the seconds of the clock, as `{"now": 3}` for in 3 s.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Variant:
    """`reason` is the verifier's constant, None if the token is good."""

    name: str
    wish: Mapping[str, Any]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Mangled:
    """What is done to a good token."""

    name: str
    mangle: Callable[[str], str]
    reason: str


def resolve(wish: Any, *, issuer: str, now: int) -> Any:
    """The wish with its places filled in."""
    match wish:
        case {"now": int(seconds)} if len(wish) == 1:
            return now + seconds
        case Mapping():
            return {key: resolve(value, issuer=issuer, now=now) for key, value in wish.items()}
        case list():
            return [resolve(value, issuer=issuer, now=now) for value in wish]
        case str():
            return wish.replace("ISSUER", issuer)
        case _:
            return wish


def _claims(**given: Any) -> dict[str, Any]:
    return {"claims": given}


def _header(**given: Any) -> dict[str, Any]:
    return {"header": given}


def _in(seconds: int) -> dict[str, int]:
    return {"now": seconds}


_HOUR = 3600
_ORIGIN = "http://localhost:3000"

GOOD = (
    Variant("a session", {}),
    Variant("signed with the other published key", {"key": 1}),
    Variant("of an organisation", {"org": "org_acme"}),
    Variant("of an organisation, version 1", _claims(org_id="org_acme", v=None)),
    Variant("of an organisation, said twice", {"org": "org_acme", **_claims(org_id="org_acme")}),
    Variant("for our other origin", _claims(azp="https://app.example.com")),
    Variant("without a category, as older ones", _header(cat=None)),
    Variant("with the category that says nothing", _header(cat="cl_I7d4PD111III")),
    Variant("without a type", _header(typ=None)),
    Variant("with headers that we do not know", _header(oiat=1, jku="https://evil.example/k", x5u="https://e.example")),
    Variant("without a status, as older ones", _claims(sts=None)),
    Variant("with an audience", _claims(aud="whoever")),
    Variant("with fractions of a second", _claims(exp=2_000_000_000.5, nbf=0.5)),
    Variant("expired within the leeway", {"expires_in": -2}),
    Variant("issued a moment ahead of our clock", _claims(iat=_in(3), nbf=_in(3))),
    Variant("with the last expiry that a clock can have", _claims(exp=2**53)),
    Variant("of the longest user and session", _claims(sub="user_" + "a" * 100, sid="sess_" + "a" * 100)),
    Variant("of the longest organisation", {"org": "o" * 100}),
    Variant("of an impersonator", _claims(act={"sub": "user_support"})),
)

BAD = (
    Variant("of a stranger's key", {"key": "unknown"}, "unknown_kid"),
    Variant("of a stranger's key under our kid", {"key": "wrong"}, "InvalidSignatureError"),
    Variant("expired", {"expires_in": -60}, "ExpiredSignatureError"),
    Variant("expired as long ago as the leeway", {"expires_in": -5}, "ExpiredSignatureError"),
    Variant("expired just beyond the leeway", {"expires_in": -6}, "ExpiredSignatureError"),
    Variant("without expiry", _claims(exp=None), "MissingRequiredClaimError"),
    Variant("with an expiry that is no number", _claims(exp="tomorrow"), "DecodeError"),
    Variant("with an expiry in a text", _claims(exp="2000000000"), "instant"),
    Variant("with an expiry that is a list", _claims(exp=[2_000_000_000]), "DecodeError"),
    Variant("with an expiry beyond any clock", _claims(exp=2**53 + 2), "instant"),
    Variant("not valid yet", _claims(nbf=_in(_HOUR)), "ImmatureSignatureError"),
    Variant("not valid yet, just beyond the leeway", _claims(nbf=_in(20)), "ImmatureSignatureError"),
    Variant("without nbf", _claims(nbf=None), "MissingRequiredClaimError"),
    Variant("with an nbf that is true", _claims(nbf=True), "instant"),
    Variant("with an nbf before all time", _claims(nbf=-1), "instant"),
    Variant("issued in the future", _claims(iat=_in(_HOUR)), "ImmatureSignatureError"),
    Variant("without iat", _claims(iat=None), "MissingRequiredClaimError"),
    Variant("with an iat in a text", _claims(iat="1"), "instant"),
    Variant("of another issuer", _claims(iss="https://clerk.evil.example"), "InvalidIssuerError"),
    Variant("of our issuer with a slash", _claims(iss="ISSUER/"), "InvalidIssuerError"),
    Variant("of an issuer that ours is a start of", _claims(iss="ISSUER.evil.example"), "InvalidIssuerError"),
    Variant("without issuer", _claims(iss=None), "MissingRequiredClaimError"),
    Variant("with a list of issuers", _claims(iss=["ISSUER"]), "InvalidIssuerError"),
    Variant("without subject", _claims(sub=None), "MissingRequiredClaimError"),
    Variant("of a machine", _claims(sub="mch_1"), "subject"),
    Variant("with an empty user", _claims(sub="user_"), "subject"),
    Variant("with something before the user", _claims(sub="xuser_1"), "subject"),
    Variant("with a user that is no id", _claims(sub="user_a'; drop table jobs"), "subject"),
    Variant("with a line after the user", _claims(sub="user_a\n"), "subject"),
    Variant("with a user that is a number", _claims(sub=7), "InvalidSubjectError"),
    Variant("with a very long user", _claims(sub="user_" + "a" * 101), "subject"),
    Variant("without session", _claims(sid=None), "MissingRequiredClaimError"),
    Variant("with a session of another kind", _claims(sid="client_1"), "session"),
    Variant("with a session that is a number", _claims(sid=1), "session"),
    Variant("with a very long session", _claims(sid="sess_" + "a" * 101), "session"),
    Variant("without authorised party", _claims(azp=None), "authorized_party"),
    Variant("with an empty authorised party", _claims(azp=""), "authorized_party"),
    Variant("for another origin", _claims(azp="https://evil.example"), "authorized_party"),
    Variant("for an origin that ours is a start of", _claims(azp=f"{_ORIGIN}.evil.example"), "authorized_party"),
    Variant("for our origin with a slash", _claims(azp=f"{_ORIGIN}/"), "authorized_party"),
    Variant("for our origin in capitals", _claims(azp=_ORIGIN.upper()), "authorized_party"),
    Variant("for a list of origins", _claims(azp=[_ORIGIN]), "authorized_party"),
    Variant("of a sign-in that is not complete", _claims(sts="pending"), "status"),
    Variant("with a status that we do not know", _claims(sts="revoked"), "status"),
    Variant("with a status that is no text", _claims(sts=0), "status"),
    Variant("of an organisation that is no id", _claims(o={"id": "a:b"}), "organisation"),
    Variant("of an organisation without id", _claims(o={"rol": "admin"}), "organisation"),
    Variant("of an organisation that is a text", _claims(o="org_acme"), "organisation"),
    Variant("of an organisation that is nothing", _claims(o=False), "organisation"),
    Variant("of an organisation that is a number", _claims(org_id=7), "organisation"),
    Variant("of two organisations", _claims(o={"id": "org_a"}, org_id="org_b"), "organisation"),
    Variant("with an empty organisation", _claims(org_id=""), "organisation"),
    Variant("with a very long organisation", _claims(org_id="o" * 101), "organisation"),
    Variant("of the category machine", _header(cat="cl_B7d4PD333AAA"), "category"),
    Variant("of the category template", _header(cat="cl_B7d4PD222AAA"), "category"),
    Variant("of a category that is no text", _header(cat=["cl_B7d4PD111AAA"]), "category"),
    Variant("of an OAuth server", _header(typ="at+jwt"), "type"),
    Variant("of an OAuth server, long", _header(typ="application/AT+JWT"), "type"),
    Variant("with the algorithm none", _header(alg="none"), "algorithm"),
    Variant("with the algorithm HS256", _header(alg="HS256"), "algorithm"),
    Variant("with the algorithm RS512", _header(alg="RS512"), "algorithm"),
    Variant("with the algorithm in small letters", _header(alg="rs256"), "algorithm"),
    Variant("with a list of algorithms", _header(alg=["RS256"]), "algorithm"),
    Variant("without algorithm", _header(alg=None), "algorithm"),
    Variant("without kid", _header(kid=None), "kid"),
    Variant("with a kid that is a number", _header(kid=1), "kid"),
    Variant("with an empty kid", _header(kid=""), "kid"),
    Variant("with a kid of one letter", _header(kid="k"), "unknown_kid"),
    Variant("with a very long kid", _header(kid="k" * 201), "kid"),
    Variant("with the longest kid that is looked for", _header(kid="k" * 200), "unknown_kid"),
    Variant("with a kid that nobody has", _header(kid="ins_nobody"), "unknown_kid"),
    Variant("with a kid that is a path", _header(kid="../../dev/null"), "unknown_kid"),
    Variant("with a critical header", _header(crit=["exp"], exp=1), "critical"),
    Variant("with nothing that is critical", _header(crit=[]), "critical"),
    Variant("with an unencoded payload", _header(crit=["b64"], b64=False), "critical"),
    Variant("with a payload that says it is encoded", _header(b64=True), "critical"),
)


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _rest(token: str) -> str:
    return token[token.index(".") :]


def _swapped(token: str, place: int) -> str:
    parts = token.split(".")
    value = json.loads(base64.urlsafe_b64decode(parts[place] + "=="))
    parts[place] = _encoded({**value, "sub": "user_eve", "x": 1})
    return ".".join(parts)


def _turned(token: str) -> str:
    return token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]


def _respelled(token: str) -> str:
    """The same bytes of the signature, with a bit set that says nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


def _deep(_: str) -> str:
    return base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=") + ".e30.AA"


MANGLED: tuple[Mangled, ...] = (
    Mangled("nothing", lambda _: "", "malformed"),
    Mangled("without its signature", lambda token: token.rpartition(".")[0] + ".", "malformed"),
    Mangled("with two parts", lambda token: token.rpartition(".")[0], "malformed"),
    Mangled("with four parts", lambda token: f"{token}.{token.partition('.')[0]}", "malformed"),
    Mangled("with other claims under its signature", lambda token: _swapped(token, 1), "InvalidSignatureError"),
    Mangled("with another header over its signature", lambda token: _swapped(token, 0), "InvalidSignatureError"),
    Mangled("with a bit of the signature turned", _turned, "InvalidSignatureError"),
    Mangled("with another spelling of its signature", _respelled, "DecodeError"),
    Mangled("with half a signature", lambda token: token[:-102], "InvalidSignatureError"),
    Mangled("with padding", lambda token: token + "=", "malformed"),
    Mangled("in another alphabet", lambda token: token.replace(".", "+.", 1), "malformed"),
    Mangled("with a line end", lambda token: token + "\n", "malformed"),
    Mangled("with a line end before", lambda token: "\n" + token, "malformed"),
    Mangled("with a blank", lambda token: token + " x", "malformed"),
    Mangled("twice", lambda token: f"{token},{token}", "malformed"),
    Mangled("of 9,000 characters", lambda token: token + "A" * 9000, "too_long"),
    Mangled("of 8,192 characters", lambda token: token + "A" * (8192 - len(token)), "InvalidSignatureError"),
    Mangled("of 8,193 characters", lambda token: token + "A" * (8193 - len(token)), "too_long"),
    Mangled("nested too deep", _deep, "malformed"),
    Mangled("with a header that is a list", lambda token: _encoded([]) + _rest(token), "malformed"),
    Mangled("with a header that is a text", lambda token: _encoded("alg") + _rest(token), "malformed"),
    Mangled("with a header that is no JSON", lambda token: "e3t7" + _rest(token), "malformed"),
    Mangled("with a header that is no UTF-8", lambda token: "_____w" + _rest(token), "malformed"),
    Mangled("of a machine, opaque", lambda _: "mt_abcdef", "malformed"),
    Mangled("an API key", lambda _: "ak_abcdef", "malformed"),
    Mangled("a dot", lambda _: ".", "malformed"),
    Mangled("two dots", lambda _: "..", "malformed"),
)
