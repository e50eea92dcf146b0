"""Accounts elsewhere that a creator names in a bio or links to: the same person on another platform, by their own word.

The rule is that of `address`: precision before recall. A message to a stranger is worse than one not sent.

| written as                        | believed when                                                          |
|-----------------------------------|------------------------------------------------------------------------|
| instagram.com/x, t.me/x ...       | the path is that of an account, not of a post, a group, a short link   |
| IG: @x, insta → @x, インスタ→@x      | always, but for "husband's insta", "pfp by IG"                         |
| IG @x, snap👻@x                   | a segment begins with the label, or "on", "my" ... stands before       |
| IG/TikTok: @x, Insta & TikTok @x  | for each of them                                                       |
| @x on IG, @x (TikTok)             | a segment begins with it, or "me", "I'm", "also" stands before         |
| IG: x.y, insta x_y                | without "@": only a name that no prose has, and no site: "IG: x.com"   |
| Snapchat: x                       | any one word, where nobody writes anything else after the colon        |
| YT: Mira Bakes, TikTok: soon, 📸 @x | never: a name, a word, no platform                                     |

WhatsApp numbers are taken from addresses alone: only there they are complete.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from unicodedata import category, normalize
from urllib.parse import unquote, urlsplit

from common.domain.address import readable
from common.domain.creator import OtherAccount
from common.domain.text import TEXT_LENGTH_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How a platform's accounts are addressed and called.

    `paths` match the whole path (and, for WhatsApp and Facebook, the query) of an account's page, group 1 is the name
    or id. `pattern` is that of a name. `url` is the page, `{}` the name. `labels` are what bios call it, without those
    that mean something else too. `is_folded`: case means nothing.
    """

    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    pattern: str
    url: str
    labels: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    is_folded: bool = True


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NETWORKS: Final[Mapping[str, Network]] = {
    "instagram": Network(
        hosts=("instagram.com", "instagr.am"),
        paths=(r"/([^/]+)(?:/(?:reels|tagged|channel))?", r"/_u/([^/]+)"),
        pattern=r"[a-z0-9_](?:[a-z0-9_.]{0,28}[a-z0-9_])?",
        url="https://www.instagram.com/{}",
        labels=(
            *("instagram", "insta", "ig", "инстаграмм", "инстаграм", "инста", "інстаграм", "інста", "ινσταγκραμ"),
            *("انستقرام", "انستغرام", "انستجرام", "إنستغرام", "إنستجرام", "انستا"),
            *("اینستاگرام", "اینستا", "אינסטגרם", "אינסטה"),
            *("इंस्टाग्राम", "इंस्टा", "อินสตาแกรม", "ไอจี", "インスタグラム", "インスタ", "인스타그램", "인스타"),
        ),
        reserved=_words("p reel reels tv stories explore accounts direct about legal developer web s share ar oauth"),
    ),
    "tiktok": Network(
        hosts=("tiktok.com",),
        paths=(r"/@([^/]+)",),
        pattern=r"[a-z0-9_](?:[a-z0-9_.]{0,28}[a-z0-9_])?",
        url="https://www.tiktok.com/@{}",
        labels=(
            *("tiktok", "tik tok", "tt", "тикток", "тик ток", "تيك توك", "تیک تاک", "טיקטוק", "тікток"),
            *("ติ๊กต็อก", "ティックトック", "틱톡"),
        ),
    ),
    "youtube": Network(
        hosts=("youtube.com",),
        paths=(
            r"/@([^/]+)(?:/(?:videos|shorts|streams|about|featured|community|playlists|live))?",
            r"/channel/(UC[\w-]{22})(?:/\w+)?",
            r"/((?:c|user)/[^/]+)(?:/\w+)?",
        ),
        pattern=r"\w[\w.\u00b7-]{1,98}\w|UC[\w-]{22}",
        url="https://www.youtube.com/@{}",
        labels=(
            *("youtube", "you tube", "yt", "ютуб", "ютьюб", "يوتيوب", "یوتیوب", "יוטיוב"),
            *("यूट्यूब", "ยูทูบ", "ยูทูป", "ユーチューブ", "유튜브"),
        ),
        is_folded=False,
    ),
    "x": Network(
        hosts=("x.com", "twitter.com"),
        paths=(r"/([^/]+)",),
        pattern=r"[a-z0-9_]{1,15}",
        url="https://x.com/{}",
        labels=("twitter", "твиттер", "تويتر", "توییتر", "טוויטר", "ทวิตเตอร์", "ツイッター", "트위터", "x"),
        reserved=_words("i home intent search hashtag share explore settings login signup tos privacy about messages"),
    ),
    "twitch": Network(
        hosts=("twitch.tv",),
        paths=(r"/([^/]+)(?:/(?:about|videos|schedule))?",),
        pattern=r"[a-z0-9][a-z0-9_]{2,24}",
        url="https://www.twitch.tv/{}",
        labels=("twitch", "твич", "트위치"),
        reserved=_words("videos directory settings downloads jobs search subscriptions team turbo store drops"),
    ),
    "facebook": Network(
        hosts=("facebook.com", "fb.com"),
        paths=(r"/([^/]+)", r"/pg/([^/]+)", r"/people/[^/]+/([0-9]+)", r"/profile\.php\?(?:.*&)?id=([0-9]+)(?:&.*)?"),
        pattern=r"[a-z0-9][a-z0-9.]{3,49}",
        url="https://www.facebook.com/{}",
        labels=(
            *("facebook", "fb", "фейсбук", "فيسبوك", "פייסבוק"),
            *("เฟสบุ๊ค", "เฟซบุ๊ก", "フェイスブック", "페이스북"),
        ),
        reserved=_words(
            "groups watch share sharer events photo photos reel reels story.php marketplace gaming login hashtag help "
            "policies business dialog pages people media profile.php permalink.php photo.php home.php l.php login.php"
        ),
    ),
    "snapchat": Network(
        hosts=("snapchat.com",),
        paths=(r"/add/([^/]+)", r"/@([^/]+)"),
        pattern=r"[a-z][a-z0-9._-]{1,13}[a-z0-9]",
        url="https://www.snapchat.com/add/{}",
        labels=("snapchat", "snap chat", "snap", "سناب شات", "سنابتشات", "سنابي", "سناب"),
    ),
    "threads": Network(
        hosts=("threads.net", "threads.com"),
        paths=(r"/@([^/]+)",),
        pattern=r"[a-z0-9_](?:[a-z0-9_.]{0,28}[a-z0-9_])?",
        url="https://www.threads.com/@{}",
        labels=("threads", "スレッズ", "스레드"),
    ),
    "pinterest": Network(
        hosts=("pinterest.com", "pinterest.de", "pinterest.fr", "pinterest.es", "pinterest.it", "pinterest.co.uk"),
        paths=(r"/([^/]+)(?:/_(?:created|saved))?",),
        pattern=r"[a-z0-9_]{3,30}",
        url="https://www.pinterest.com/{}",
        labels=("pinterest",),
        reserved=_words("pin search ideas today explore login settings business categories topics about"),
    ),
    "linkedin": Network(
        hosts=("linkedin.com",),
        paths=(r"/in/([^/]+)",),
        pattern=r"[\w-]{3,100}",
        url="https://www.linkedin.com/in/{}",
        labels=("linkedin",),
    ),
    "telegram": Network(
        hosts=("t.me", "telegram.me"),
        paths=(r"/(?:s/)?([^/]+)",),
        pattern=r"[a-z][a-z0-9_]{3,31}",
        url="https://t.me/{}",
        labels=(
            *("telegram", "tg", "телеграмм", "телеграм", "тгк", "тг"),
            *("تلغرام", "تليجرام", "تيليجرام", "تلگرام", "טלגרם"),
        ),
        reserved=_words(
            "joinchat addstickers addemoji addtheme share proxy socks login confirmphone contact boost invoice"
        ),
    ),
    "whatsapp": Network(
        hosts=("wa.me", "api.whatsapp.com"),
        paths=(r"/\+?([0-9]+)", r"/send\?(?:.*&)?phone=(?:\+|%2B)?([0-9]+)(?:&.*)?"),
        pattern=r"[1-9][0-9]{6,14}",
        url="https://wa.me/{}",
    ),
}

_BY_HOST: Final = {host: name for name, network in NETWORKS.items() for host in network.hosts}
_NO_PAGE_HOSTS: Final = ("vm.tiktok.com", "vt.tiktok.com", "help.", "about.", "developers.", "business.", "l.", "lm.")
_QUERY_PATHS: Final = ("/profile.php", "/send")

# Labels, longest first, so that "instagram" is not read as "insta".
_BY_LABEL: Final = {normalize("NFKC", label): name for name, network in NETWORKS.items() for label in network.labels}
_LABEL: Final = re.compile(
    r"(?<![A-Za-z0-9_\u00c0-\u024f\u0370-\u052f@#.\-'])(?:"
    + "|".join(re.escape(label) for label in sorted(_BY_LABEL, key=len, reverse=True))
    + r")(?![A-Za-z0-9_\u00c0-\u024f\u0370-\u052f'])",
    re.IGNORECASE,
)
_TURKISH: Final = {ord("\u0307"): None, ord("ı"): "i"}  # `re` takes İ and ı for i, lower() does not
_JOINT: Final = re.compile(r" ?[/&+,、] ?| (?:and|y|e|et|und|ve|dan|и|і|و) ", re.IGNORECASE)
_JOINED_MAX: Final = 20  # labels of one name: nobody is on more platforms, and a megabyte of labels is no group
_JOINT_LENGTH_MAX: Final = 5

_PICTURES: Final = "\u2190-\u21ff\u2300-\u2bff\U0001f000-\U0001faff"
_KIND_OF_PAGE: Final = (
    "account|acc|page|handle|channel|profile|user|username|id|is|канал|hesabı|hesabım|konto|kanal|profil|perfil|cuenta|"
    "compte|conta"
)
# A name, and nothing behind it that a name could go on with: "@x@mastodon.social" and "@x-y" are not cut short.
_NAMED: Final = re.compile(
    rf"(?:[ -](?:{_KIND_OF_PAGE})(?!\w))?([ ):»>は・–—{_PICTURES}-]{{0,6}})"
    r"(@?)([A-Za-z0-9_][A-Za-z0-9_.\u00b7-]{0,59})(?![A-Za-z0-9_\u00c0-\u024f@\u00b7-])",
    re.IGNORECASE,
)
_COLONS: Final = frozenset(":→⇒➜➔►▶➡»>は👉")
_DASHES: Final = frozenset("-–—")
_NAME_FIRST: Final = re.compile(
    r"(?<![\w@.])@([A-Za-z0-9_][A-Za-z0-9_.-]{0,59})"
    r"(?: (?:on|en|auf|sur|no|su|op|på|na|at|в|у|على)(?: my)? | ?\( ?| ?[-–—] ?)\Z",
    re.IGNORECASE,
)
_FRONT_LENGTH_MAX: Final = 80
_ADDRESS: Final = re.compile(r"https?://\S*", re.IGNORECASE)

_SEGMENT_END: Final = re.compile(rf"[\n|•·;,!?—–/{_PICTURES}]|\. ")
_BEFORE_OWN_LABEL: Final = _words(
    "on my me our also official second 2nd backup main private priv personal business follow the and & "
    "en mi sígueme também no meu meine mein auf unser sur mon notre su mio op mijn på min mitt na mój moja "
    "мой моя моё наш мій в на у μου στο στα"
)
_BEFORE_OWN_NAME: Final = _words("me i'm im also am")
_OF_OTHERS: Final = _words(
    "by credit credits pfp icon banner header husband wife hubby boyfriend girlfriend bf gf fiancé fiancee fiancée "
    "partner brother sister son daughter mom mum dad bestie friend friends her his their fan manager mgmt management "
    "agency producer editor von par por"
)

_HAS_JOINT: Final = re.compile(r"[a-z0-9]{2,}[._][a-z0-9]*[a-z]|[a-z]{2,}_", re.IGNORECASE)
_HAS_NUMBER: Final = re.compile(r"[a-z]{4,}[0-9]{1,4}", re.IGNORECASE)
_IS_SITE: Final = re.compile(r"www\..*|.*\.(?:com|net|org|info|shop|html?|co|io|de|fr|uk|ru|jp|br)", re.IGNORECASE)
_NEXT_SENTENCE: Final = re.compile(r"[a-z0-9_.]+\.[A-Z]")
_GOES_ON: Final = re.compile(r" [^\W_]")
_ONE_WORD_LABELS: Final = frozenset({"snapchat"})
_NO_NAMES: Final = _words("coming private follow public channel account stories username")
_GLUED_LABELS: Final = _words("ig insta tt yt tg fb")


class _Label(NamedTuple):
    start: int
    end: int
    network: str
    written: str


def find_accounts(
    text: str | None, links: Iterable[str] = (), *, length_max: int = TEXT_LENGTH_MAX
) -> tuple[OtherAccount, ...]:
    """The accounts that the links are the pages of, then those that the text names, each once.

    `links` are all web links of the creator, those in the text too (`find_links`). Names are folded where case means
    nothing. Only the first `length_max` characters are read, in linear time; no text makes it fail.
    """
    named = dict.fromkeys(_named(_ADDRESS.sub("\n", readable(text, length_max))))
    accounts: dict[tuple[str, str], OtherAccount] = {}
    for account in (*map(account_at, links), *(_account(network, handle) for network, handle in named)):
        if account:
            accounts.setdefault((account.platform, account.handle.casefold()), account)
    return tuple(accounts.values())


def account_at(link: str) -> OtherAccount | None:
    """The account whose page the address is, None if it is none, or a post, a group, a search or a short link."""
    try:
        parts = urlsplit(link)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # urlsplit's word for a bad host
        return None
    network = _network_of(host)
    if network is None:
        return None
    path = unquote(parts.path).rstrip("/")
    if path in _QUERY_PATHS:
        path = f"{path}?{parts.query}"
    for pattern in NETWORKS[network].paths:
        match = re.fullmatch(pattern, path, re.IGNORECASE)
        account = _account(network, match[1]) if match else None
        if account:
            return account
    return None


def _network_of(host: str) -> str | None:
    if host.startswith(_NO_PAGE_HOSTS):
        return None
    if host in _BY_HOST:
        return _BY_HOST[host]
    _, _, parent = host.partition(".")  # m.facebook.com, de-de.facebook.com, br.pinterest.com
    return _BY_HOST.get(parent)


def _account(network: str, written: str) -> OtherAccount | None:
    """The account of that name, None if the platform has no such names."""
    rule = NETWORKS[network]
    kind, _, legacy = written.rpartition("/")  # YouTube's /c/x and /user/x: not the same as /@x
    handle = normalize("NFC", legacy).removeprefix("@")
    if handle.lower() in rule.reserved or not re.fullmatch(rule.pattern, handle, re.IGNORECASE):
        return None
    handle = handle.lower() if rule.is_folded else handle
    url = rule.url.format(handle)
    if network == "youtube" and re.fullmatch(r"UC[\w-]{22}", handle):
        kind = "channel"
    if kind:
        url = f"https://www.youtube.com/{kind.lower()}/{handle}"
    return OtherAccount(platform=network, handle=handle, url=url)


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Each network that the text names together with a name there, as written."""
    for group in _label_groups(text):
        readings = (_name_behind, _name_in_front)
        if text.endswith("(", 0, group[0].start):  # "@x (IG) @y (TikTok)"
            readings = (_name_in_front, _name_behind)
        handle = readings[0](text, group) or readings[1](text, group)
        if handle:
            yield from ((label.network, handle) for label in group)


def _label_groups(text: str) -> Iterator[list[_Label]]:
    """The labels in the text; those that are joined, like "IG/TikTok", together."""
    group: list[_Label] = []
    for match in _LABEL.finditer(text):
        written = match.group().lower().translate(_TURKISH)
        if written not in _BY_LABEL:  # a rarer sign that `re` takes for a letter
            continue
        label = _Label(match.start(), match.end(), _BY_LABEL[written], written)
        if group and (len(group) == _JOINED_MAX or not _is_joined(text, group[-1].end, label.start)):
            yield group
            group = []
        group.append(label)
    if group:
        yield group


def _is_joined(text: str, start: int, end: int) -> bool:
    return end - start <= _JOINT_LENGTH_MAX and _JOINT.fullmatch(text, start, end) is not None


def _name_behind(text: str, group: list[_Label]) -> str | None:
    """The name in "IG: @x", if it is one."""
    match = _NAMED.match(text, group[-1].end)
    if match is None:
        return None
    gap, at, written = match.groups()
    handle = written.rstrip(".-")
    front = _segment_before(text, group[0].start)
    if _is_of_others(front) or _NEXT_SENTENCE.match(handle):
        return None
    has_colon = not _COLONS.isdisjoint(gap)
    is_announced = has_colon or not _DASHES.isdisjoint(gap)
    is_prose = not is_announced or _GOES_ON.match(text, match.end())  # "what TikTok: @brands send me"
    if is_prose and not _is_own_label(front):
        return None
    if len(group) == 1 and group[0].written == "x" and not (has_colon and _is_own_label(front)):
        return None  # "mira x @brand"
    if at:
        return handle if gap or group[-1].written in _GLUED_LABELS or "." not in handle else None
    return handle if gap and _is_name(handle, group, has_colon, text[match.end() : match.end() + 2]) else None


def _is_name(handle: str, group: list[_Label], has_colon: bool, rest: str) -> bool:
    """Whether a word without "@" cannot be one of prose or a site."""
    if _IS_SITE.fullmatch(handle):
        return False
    if _HAS_JOINT.match(handle):
        return True
    if not has_colon or _GOES_ON.match(rest):
        return False
    is_word = group[-1].network in _ONE_WORD_LABELS and len(handle) > 5 and handle.lower() not in _NO_NAMES
    return is_word or _HAS_NUMBER.fullmatch(handle) is not None


def _name_in_front(text: str, group: list[_Label]) -> str | None:
    """The name in "@x on IG", if it is the creator's own."""
    start = group[0].start
    at = text.rfind("@", max(0, start - _FRONT_LENGTH_MAX), start)
    match = _NAME_FIRST.match(text, at, start) if at >= 0 else None
    if match is None or group[0].written == "x":
        return None
    front = _segment_before(text, match.start())
    is_own = not front.strip(" )") or front.split()[-1].lower() in _BEFORE_OWN_NAME or front.endswith(") ")
    return match[1].rstrip(".-") if is_own else None


def _segment_before(text: str, end: int) -> str:
    """What stands in front up to the last line, bullet, sentence or emoji."""
    front = text[max(0, end - _FRONT_LENGTH_MAX) : end]
    return _SEGMENT_END.split(front)[-1]


def _is_of_others(front: str) -> bool:
    words = front.lower().replace(":", " ").split()
    return not _OF_OTHERS.isdisjoint(words) or (bool(words) and words[-1].endswith(("'s", "s'")))


def _is_own_label(front: str) -> bool:
    """Whether the label begins a segment or follows a word like "my"; in scripts without capitals: any word."""
    words = front.rstrip(" ([{\"'“«*_>:")
    if not words or category(words[-1]) == "Lo" or not words[-1].isalnum():
        return not words.endswith("@")
    last = words.split()[-1].lower()
    return "@" in last or last in _BEFORE_OWN_LABEL  # "IG @x TikTok @y"
