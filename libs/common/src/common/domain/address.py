"""E-mail addresses and links in the text that a creator wrote about themselves.

The rule: precision before recall. An address that a careful reader would doubt is not found, because a message to a
wrong address is worse than one not sent. So each way of writing "@" is trusted only as far as prose does not use it:

| written as                         | believed when                                                                  |
|------------------------------------|--------------------------------------------------------------------------------|
| jane@x.com, jane＠x．com, 𝗷𝗮𝗻𝗲@x.com | always; signs are what NFKC makes of them, what is invisible is dropped       |
| jane (at) x.com, [ät], {arobase}   | always; and so "(dot)", "[punkt]"                                              |
| jane arroba x punto com            | no word stands before; chiocciola and małpa (animals) need a spelled dot       |
| jane AT x DOT com                  | no word stands before, no "me", "shop", ..., and the rest is not in capitals   |
| jane.doe at x dot com              | no word stands before and the name has a dot, "_" or digit; or after "mail:"   |
| jane @ x.com, jane @ x . com       | after "mail:" or an envelope; or such a name at a free mail service            |
| jane at x.com, jane @x.com         | never: "live at twitch.tv", a name and a handle                                |

What follows an address without a space is cut off only when it cannot belong to it: "x.comBooking", "x.comまで",
"x.com-info", "x.com.Booking". "x.combooking" stays in doubt. Local parts are ASCII. Cyrillic or Greek letters in an
otherwise Latin address are refused, not mapped: nobody knows what was meant. Domains have a label in front of a suffix
of the ICANN section of the public suffix list and are returned in Unicode, as people read and write them.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import takewhile
from typing import Literal, NamedTuple
from unicodedata import category, name, normalize

from email_validator import EmailNotValidError, validate_email
from publicsuffixlist import PublicSuffixList

from common.domain.text import TEXT_LENGTH_MAX, clean_text


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LINK_LENGTH_MAX = 2_048
_LOCAL_LENGTH_MAX = 64
_DOMAIN_LENGTH_MAX = 253

_AT_BRACKETED = "at|@|ät|aet|arobase|arroba|chiocciola|malpa|małpa|klammeraffe|snabel-?a|krøllalfa|apenstaartje"
_AT_STRONG = "arobase|arroba|klammeraffe|snabel-?a|krøllalfa|apenstaartje"
_AT_ANIMAL = "chiocciola|malpa|małpa"
_DOT = "dot|punkt|point|punto|ponto|kropka|punt|prikk?|piste"
_FREE_MAIL = "gmail|googlemail|hotmail|outlook|yahoo|icloud|protonmail|aol|ymail"

_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_LEFT_OVER_MARK = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")
_READ_AS = {"‐": "-", "‑": "-", "’": "'", "ʼ": "'", "\u2800": " ", "\u3164": " ", "\u115f": " "}

_URL = re.compile(r"(?<![a-z0-9])(?!mailto:)[a-z][a-z0-9+.-]{1,15}://[^\s<>\"'|,;)\]]*", re.IGNORECASE)
_ESCAPED_AT = re.compile(r"&#64;|&#x40;|&commat;|%40", re.IGNORECASE)
_ESCAPED_SPACE = re.compile(r"&nbsp;|&lt;|&gt;|&quot;|%20|\.{3,}", re.IGNORECASE)
_BLANK = re.compile(r"[^\S\n]+")
_BRACKETED_AT = re.compile(rf" ?[(\[{{<«] ?(?:{_AT_BRACKETED}) ?[)\]}}>»] ?", re.IGNORECASE)
_BRACKETED_A = re.compile(r"(?<=[a-z0-9])(?:\(a\)|\[a\])(?=[a-z0-9])", re.IGNORECASE)
_BRACKETED_DOT = re.compile(rf" ?[(\[{{<«] ?(?:{_DOT}|\.) ?[)\]}}>»] ?", re.IGNORECASE)

_MARKER = re.compile(rf" ?@ ?| (?:AT|at|{_AT_STRONG}|{_AT_ANIMAL}) ")
_STRONG_MARK = re.compile(rf" (?:{_AT_STRONG}) ")
_LOCAL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
_DISTINCT = re.compile(r"[a-z]{2,}[._][a-z]{2,}|[a-z]{2,}[0-9]", re.IGNORECASE)
_SPELLED_LOCAL = re.compile(r"(?<![\w.+@-])([a-z0-9_.+-]{1,30}) (?:dot|punto|point|punkt) \Z", re.IGNORECASE)
# Marks of the Indic and Thai scripts are no word characters to `re`, but are parts of their domains.
_LETTER = r"[\w\-\u0900-\u0dff\u0e00-\u0eff]"
_DOMAIN = re.compile(rf"(?:{_LETTER}|\.){{1,{_DOMAIN_LENGTH_MAX}}}")
_SPELLED_DOMAIN = re.compile(
    rf"([a-z0-9-]{{1,63}}) (?:{_DOT}|\.) ([a-z0-9-]{{2,63}})(?: (?:{_DOT}|\.) ([a-z0-9-]{{2,63}}))?(?![\w@])",
    re.IGNORECASE,
)
_FREE_MAIL_SPACED = re.compile(rf"({_FREE_MAIL})(?: \.|\. | \. )(com)(?!\w)", re.IGNORECASE)
_FREE_MAIL_DOMAIN = re.compile(rf"(?:{_FREE_MAIL})\.[a-z.]{{2,6}}", re.IGNORECASE)

_MAIL_WORD = "e-?mail|mail|mailto|courriel|correo|e-?post|poczta|почта|メール"
_MAIL_SAID = re.compile(rf"(?<!\w)(?:{_MAIL_WORD}) ?[:=>→➜-]+ ?\Z", re.IGNORECASE)
_MAIL_SHOWN = re.compile(r"[📧📩📨✉💌📬📫📮] ?[:=>→➜-]? ?\Z")
_MAIL_ASKED = re.compile(rf"(?<!\w)(?:{_MAIL_WORD}|contact) \Z", re.IGNORECASE)
_FRONT_LENGTH_MAX = 60

# Words that stand before "at" in prose, so no names before a mark that prose uses.
_PROSE = _words(
    "me us him her them it you i we he she they be is was are were am im at in on to and or by the my our your here "
    "there now live shop order buy book find visit meet see join follow watch stream streaming listen read more only "
    "work working works worked available sold seen look looking again online store exclusively everything"
)
# "jane_doe at twitch dot tv" is a handle.
_PLACES = _words(
    "twitch youtube instagram tiktok facebook twitter snapchat threads patreon etsy amazon ebay discord github "
    "linkedin pinterest substack medium linktr spotify soundcloud bandcamp kick vimeo depop vinted"
)
# "ig@jane.studio" is a handle too.
_HANDLE_OF = frozenset({"ig", "insta", "tt", "yt", "tg", "dm", "sc", "fb"})
_GENERIC_LABELS = frozenset({"com", "net", "org"})
_SCREEN_SCALE = re.compile(r"[0-9]{1,2}x")
_CASED = ("Ll", "Lu", "Lt")
_REPOSITORY_PATH = re.compile(r":[\w.-]{1,64}/")
_SUFFIX_THEN_OTHER = re.compile(r"([a-z]{2,24})([^a-z0-9])")

_LINK = re.compile(
    r"(?<![a-z0-9@.+/_-])"
    rf"(?:(https?)://({_LETTER}{{1,63}}(?:\.{_LETTER}{{1,63}}){{1,9}})|([a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}}){{1,9}}))"
    r"(:[0-9]{1,5})?(?![a-z0-9_@]|:\w)([/?#][!-~]*)?",
    re.IGNORECASE,
)
_LINK_END = re.compile(r"[<>\"'|\\^`{}]")
_LINK_PAGES = _words(
    "linktr.ee beacons.ai bio.link bio.site lnk.bio msha.ke solo.to campsite.bio hoo.be allmylinks.com snipfeed.co "
    "stan.store komi.io direct.me tap.bio linkin.bio link.me many.link lit.link pillar.io ko-fi.com patreon.com "
    "buymeacoffee.com t.me wa.me instagram.com tiktok.com youtube.com youtu.be twitch.tv facebook.com snapchat.com "
    "threads.net threads.com pinterest.com linkedin.com twitter.com x.com"
)
_LINK_SITES = (".carrd.co", ".taplink.ws", ".start.page", ".bio.link", ".lnk.to")


class _Domain(NamedTuple):
    """A domain as it stands in the text, and how its dots are written."""

    name: str
    dots: Literal["signs", "words", "spaces"]


def find_emails(text: str | None, *, length_max: int = TEXT_LENGTH_MAX) -> tuple[str, ...]:
    """The addresses in the text, in lower case, each once, in the order of their first appearance.

    Each is valid by email-validator, has a known public suffix and an ASCII local part; an international domain is in
    Unicode. Only the first `length_max` characters are read, in linear time; no text makes it fail.
    """
    plain = readable(text, length_max)
    return tuple(dict.fromkeys(_addresses(_with_signs(plain)))) if plain else ()


def find_links(text: str | None, *, length_max: int = TEXT_LENGTH_MAX) -> tuple[str, ...]:
    """The web links in the text, each once, in the order of their first appearance.

    These are links with http, https or "www." in front, pages of well-known link services ("linktr.ee/jane") and of
    accounts ("instagram.com/jane").
    The scheme is https where none was written, the host is in lower case, no slash or punctuation stands at the end.
    Links to hosts without a public suffix, with a user name, cut short by "..." or over 2,048 characters are left out.
    """
    plain = readable(text, length_max)
    found = (_link(match) for match in _LINK.finditer(plain))
    return tuple(dict.fromkeys(link for link in found if link))


@lru_cache(maxsize=8)  # a bio is looked at for addresses, for links and for accounts, one after the other
def readable(text: str | None, length_max: int = TEXT_LENGTH_MAX) -> str:
    """The first `length_max` characters of the text as it looks: styled and full-width characters as plain ones,
    nothing invisible, one kind of space."""
    text = _KEYCAP.sub(" ", clean_text(text, length_max) or "")
    if not text.isascii():
        text = text.translate({ord(character): _read_as(character) for character in set(text)})
        text = _LEFT_OVER_MARK.sub("", normalize("NFKC", text))
    return _BLANK.sub(" ", text)


def _read_as(character: str) -> str:
    kind = category(character)
    if kind == "Cf":
        return ""
    if kind not in ("No", "So"):
        return _READ_AS.get(character, character)
    # Ⓙ is a letter of a styled name; ① ² ™ № stand beside an address and must not melt into it.
    letter = normalize("NFKC", character)
    if letter.isascii() and letter.isalpha() and len(letter) == 1:
        return letter
    return " " if kind == "No" or letter != character else _READ_AS.get(character, character)


def _with_signs(text: str) -> str:
    """The text without links, and with "@" and "." where they are escaped or spelled in brackets."""
    text = _URL.sub(" ", text)
    text = _ESCAPED_AT.sub("@", text)
    text = _BLANK.sub(" ", _ESCAPED_SPACE.sub(" ", text))
    text = _BRACKETED_AT.sub("@", text)
    text = _BRACKETED_A.sub("@", text)
    return _BRACKETED_DOT.sub(".", text)


def _addresses(text: str) -> Iterator[str]:
    for marker in _MARKER.finditer(text):
        start = _local_start(text, marker.start())
        local = text[start : marker.start()].lstrip(".+-")
        domain = _domain_after(text, marker.end()) if local and _is_local_whole(text, start, marker.start()) else None
        if domain is None:
            continue
        front = text[max(0, start - _FRONT_LENGTH_MAX) : start]
        spelled = _SPELLED_LOCAL.search(front)
        if spelled:
            front = front[: spelled.start()]
        if (spelled and domain.dots == "signs") or not _is_believed(front, local, marker.group(), domain):
            continue
        if local.startswith("_") and text.startswith("_", marker.end() + len(domain.name)):
            local = local.lstrip("_")  # Markdown: _jane@x.com_
        address = _address(f"{spelled[1]}.{local}" if spelled else local, domain.name)
        if address:
            yield address


def _local_start(text: str, end: int) -> int:
    start = end
    while start > 0 and end - start <= _LOCAL_LENGTH_MAX:
        character = text[start - 1]
        is_inner = character == "'" and start > 1 and _is_inner(text[start - 2]) and _is_inner(text[start])
        if character not in _LOCAL_CHARACTERS and not is_inner:
            break
        start -= 1
    return start


def _is_inner(beside: str) -> bool:
    """Whether an apostrophe beside this letter can be a name's; beside any other it is a quotation mark."""
    return beside in _LOCAL_CHARACTERS and beside.isalnum()


def _is_local_whole(text: str, start: int, end: int) -> bool:
    """Whether nothing in front belongs to the local part: a second "@", a rare sign, an accented or foreign letter."""
    before = text[start - 1 : start]
    is_part = before != "" and (before in "@&%\\" or category(before) in _CASED)
    return end - start <= _LOCAL_LENGTH_MAX and not is_part


def _domain_after(text: str, start: int) -> _Domain | None:
    if match := _FREE_MAIL_SPACED.match(text, start):
        return _Domain(f"{match[1]}.{match[2]}", "words")
    if match := _SPELLED_DOMAIN.match(text, start):
        known = _known_domain(".".join(label for label in match.groups() if label))
        return _Domain(known, "spaces" if " . " in match.group() else "words") if known else None
    match = _DOMAIN.match(text, start)
    if not match or text.startswith("@", match.end()) or _REPOSITORY_PATH.match(text, match.end()):
        return None
    token, _, rest = match.group().partition("_")
    known = None if rest[:1].isalnum() else _known_domain(token)
    return _Domain(known, "signs") if known else None


def _known_domain(token: str) -> str | None:
    """The start of the token that is a domain with a public suffix, if what follows it clearly is other text."""
    labels = _labels_of_one_sentence(list(takewhile(bool, token.split("."))))
    while len(labels) > 1:
        *head, last = labels
        if _has_public_suffix(".".join(labels)):
            return ".".join(labels)
        glued = _SUFFIX_THEN_OTHER.match(last)
        if glued and category(glued[2]) != "Ll" and _has_public_suffix(".".join([*head, glued[1]])):
            return ".".join([*head, glued[1]])
        if last[0].isascii():
            return None
        labels = head
    return None


def _labels_of_one_sentence(labels: list[str]) -> list[str]:
    """The labels up to a capital or, after com, net and org, up to anything that cannot be a country ("com.br")."""
    for index in range(2, len(labels)):
        before, label = labels[index - 1], labels[index]
        if before.islower() and label[0].isupper():
            return labels[:index]
        glued = _SUFFIX_THEN_OTHER.match(label)
        if before.lower() in _GENERIC_LABELS and len(glued[1] if glued else label) > 2:
            return labels[:index]
    return labels


def _has_public_suffix(domain: str) -> bool:
    return _public_suffixes().privatesuffix(domain.lower()) is not None


@cache
def _public_suffixes() -> PublicSuffixList:
    """The ICANN section of the list in the package, read once: 25 ms and 4 MB, no network."""
    return PublicSuffixList(accept_unknown=False, only_icann=True)


def _is_believed(front: str, local: str, mark: str, domain: _Domain) -> bool:
    """Whether this way of writing "@" means an address, given the text in front of it (see the module's table)."""
    if mark == "@":
        return domain.dots != "spaces"
    if local.lower() in _PROSE or "'" in local or domain.name.lower().partition(".")[0] in _PLACES:
        return False
    if "@" in mark:
        is_announced = mark != " @" and (_MAIL_SAID.search(front) or _MAIL_SHOWN.search(front))
        is_free_mail = _FREE_MAIL_DOMAIN.fullmatch(domain.name)
        return bool(is_announced or (is_free_mail and _is_name(front, local)))
    if _STRONG_MARK.fullmatch(mark):
        return domain.dots != "spaces" and _is_first(front)
    if domain.dots != "words":
        return False
    if mark == " at " or (mark == " AT " and (local + domain.name).isupper()):
        return bool(_MAIL_SAID.search(front)) or _is_name(front, local)
    return _is_first(front)


def _is_name(front: str, local: str) -> bool:
    """Whether the word cannot be one of prose: jane.doe, jane_doe, jane99, and no word in front of it."""
    return _is_first(front) and _DISTINCT.search(local) is not None


def _is_first(front: str) -> bool:
    last = front.rstrip(" ")[-1:]
    return not (last.isalnum() or last == "@") or _MAIL_ASKED.search(front) is not None


def _address(local: str, domain: str) -> str | None:
    """The address in its normal form, or None if it is not valid, or is something else that looks like one."""
    local, domain = local.lower(), domain.lower()
    first, _, suffix = domain.partition(".")
    is_file = _SCREEN_SCALE.fullmatch(first) is not None  # icon@2x.ai
    is_ending = first == "s" and "." not in suffix  # "amig@s.Me llamo ..."
    if is_file or is_ending or local in _HANDLE_OF or len(local) > _LOCAL_LENGTH_MAX:
        return None
    try:
        valid = validate_email(f"{local}@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return None
    domain = valid.domain.lower()
    # "·" and joiners are valid in a few scripts' domains, but end a domain everywhere else.
    return f"{local}@{domain}" if _is_one_script(domain) and _DOMAIN.fullmatch(domain) else None


def _is_one_script(domain: str) -> bool:
    scripts = {name(character, "?").partition(" ")[0] for character in domain if category(character) in _CASED}
    return len(scripts) <= 1


def _link(match: re.Match[str]) -> str | None:
    """The link in its normal form, or None if it is not whole, or its host is not one that we know to be a link."""
    scheme, written, bare, port, path = match.groups(default="")
    host = (_known_domain(written or bare) or "").lower()
    is_glued = host != (written or bare).lower()
    is_cut_short = path.endswith("...") or match.string.startswith("...", match.end())
    if not host or not _is_one_script(host) or is_cut_short or (is_glued and path):
        return None
    path = _LINK_END.split(path, maxsplit=1)[0].rstrip(".,!?:;*#/])" if "(" not in path else ".,!?:;*#/]")
    if bare and not _is_known_link(host, path):
        return None
    link = f"{scheme.lower() or 'https'}://{host}{port}{path}"
    return link if len(link) <= LINK_LENGTH_MAX else None


def _is_known_link(host: str, path: str) -> bool:
    if host.startswith("www."):
        return _known_domain(host[4:]) is not None
    return (host in _LINK_PAGES and len(path) > 1) or host.endswith(_LINK_SITES)
