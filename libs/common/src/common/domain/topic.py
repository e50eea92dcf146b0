"""What a creator writes about: the words of a text that carry a topic, and the hashtags that do.

The rule: words in any script, folded so that equal ones are equal; what everybody writes ("the", "follow", #fyp) is
nobody's topic. Words are compared as they are written: nothing here knows what they mean.
"""

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import normalize

TEXT_LENGTH_MAX: Final = 1_000
"""Of each text so much is read: what a post is about stands at its beginning, lists of links at its end."""

WORD_LENGTH_MAX: Final = 40

# Marks are no letters to `re`, but parts of words in the scripts of India, South-East Asia, Arabic and Hebrew.
_MARKS: Final = (
    r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e\u0eb1-\u0ecd\u102b-\u103e\u17b4-\u17d3"
)
# Addresses, names and hashtags are stepped over; what is left are words.
_WORD: Final = re.compile(
    r"https?://\S+|www\.\S+|[#＃@＠][\w.]+|[a-z0-9._+-]{1,64}@[\w.-]+|((?:[^\W\d_]" + rf"|[{_MARKS}])+)", re.IGNORECASE
)
# Japanese and Chinese have no blanks: katakana are taken whole, of Chinese characters each two neighbours, and hiragana
# are grammar.
_HAS_EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_EAST_ASIAN: Final = re.compile(r"[\u30a1-\u30fc]{2,}|[\u3400-\u9fff]{2,}|[a-z\u00c0-\u024f]{3,}")


def fold(word: str) -> str:
    """The form in which words and hashtags are compared."""
    return normalize("NFKC", word).casefold()


def _words(text: str) -> frozenset[str]:
    return frozenset(fold(text).split())


STOP_WORDS: Final = (
    # English
    _words(
        "the and for you your yours are was were been being with from this that these those there here have has "
        "had not but all any can could will would should may might must our ours out about into over under again "
        "more most some such only own same than then too very just now who whom what when where why how which "
        "while its his her hers him she they them their theirs also get got let make makes made making one two "
        "three every each day days week today tomorrow time way lot lots things thing really want need know like "
        "love good great best new back going come much many always never because even still dont didn doesn isn "
        "cant ive youre lets use using used try see look"
    )
    # what everybody asks for
    | _words(
        "follow following follower like likes comment subscribe share save link links bio dm dms collab collabs "
        "email mail contact business inquiry inquiries enquiries official page account channel video videos "
        "content creator shop store code discount click watch post posts reel reels story stories short shorts "
        "tiktok instagram insta youtube facebook twitter snapchat telegram whatsapp twitch pinterest www http "
        "https com net org booking bookings mgmt info free join check hello welcome thanks thank please fyp "
        "foryou viral"
    )
    # Spanish, Portuguese, Italian, French
    | _words(
        "que los las una uno unos unas del por para con sin como más mas pero este esta esto estos estas muy todo "
        "toda todos todas tu tus mis sus ser son soy hay aquí sobre cuando donde también porque sígueme contacto "
        "enlace hola não nao uma uns umas dos das pelo pela mais também você voce seu sua meu minha aqui isso "
        "esse essa são com che non per della delle degli nel nella sono gli dei come più anche tutto tutti questo "
        "questa mio mia les des une est sont pas pour dans sur avec qui quoi vous nous mon mes ton tes ses aux "
        "plus tout tous toutes cette ces comme chez très bonjour lien abonne"
    )
    # German, Dutch, Swedish, Danish, Norwegian
    | _words(
        "der die das den dem des ein eine einen einem einer und oder aber ist sind war mit von für auf aus bei "
        "nach über unter nicht auch nur noch wie was wer wir ihr ich mich mir dein deine mein meine unser alle "
        "alles hier mehr sehr zum zur het een van voor met niet ook maar zijn mijn jouw deze dit dat naar over "
        "och att det som för med på av jag min mitt dig här inte eller til fra ikke jeg deg dette hvor"
    )
    # Polish, Czech, Turkish, Indonesian, Vietnamese
    | _words(
        "nie jest się sie dla jak ale czy moje moja mój twój oraz tylko jsem jsou není pro jako nebo bir ve ile "
        "için bu şu çok daha gibi ama ben sen biz siz olan var yok dan yang untuk dengan ini itu dari ada tidak "
        "kami kita aku kamu bisa juga các của và cho với một những này không tôi bạn"
    )
    # Russian, Ukrainian, Greek
    | _words(
        "это как что для или при без все всё они она оно его мой моя моё мои наш наша ваш тут там где когда если "
        "есть нет про под над еще ещё уже так тоже только очень привет подписывайся ссылка цей який яка або мене "
        "мій και για από στο στη στην στον των την τον της του μου σου μας σας είναι δεν που πως αλλά ένα μια"
    )
    # Arabic, Persian, Hebrew, Hindi, Korean, Japanese
    | _words(
        "في من على إلى الى عن مع هذا هذه ذلك التي الذي كل كان لكن أو او ثم ما لا هو هي أنا انا نحن از به در که "
        "این است را با برای של את על עם זה אני לא כל או גם כי יש और का के की को में से है हैं यह मैं पर भी नहीं "
        "एक तो हम 그리고 하지만 저는 나는 우리 있는 하는 입니다 합니다 それ これ です ます"
    )
)

GENERIC_HASHTAGS: Final = _words(
    "fyp fypシ fypage foryou foryoupage fy viral viralvideo viralvideos viralpost viralreels viraltiktok goviral "
    "trending trend trends trendingreels trendingnow explore explorepage exploremore reels reel reelsinstagram "
    "reelsvideo reelitfeelit reelkarofeelkaro instareels instagram insta instagood instadaily instamood igers ig "
    "tiktok tiktokviral tiktoker youtube youtuber youtubeshorts shorts short shortsvideo shortvideo ytshorts "
    "video videos vlog subscribe like likes likeforlikes like4like follow followme follow4follow followforfollow "
    "followers love photooftheday picoftheday photo photography mood ad ads sponsored gifted werbung anzeige "
    "reklam publi publicidad collab partner capcut duet stitch greenscreen pourtoi pourtoipage parati paratii "
    "paravoce paravocê perte neiperte fürdich fuerdich foryourpage voorjou dlaciebie dlaciebietiktok kesfet "
    "keşfet kesfetteyiz keşfetteyiz öneçıkar рек рекомендации врек реки хочуврек اكسبلور ترند fypdong berandafyp "
    "xuhuong xuhướng đềxuất おすすめ おすすめにのりたい 추천 xyzbca xyz blowthisup 4you 4u contentcreator "
    "ugc ugccreator creator influencer"
)


def topic_words(texts: Iterable[str | None]) -> set[str]:
    """The words of the texts that may carry a topic, folded; an English plural as its singular."""
    found: set[str] = set()
    for text in texts:
        for word in _WORD.findall(fold(text[:TEXT_LENGTH_MAX]) if text else ""):
            if not word:
                continue
            if _HAS_EAST_ASIAN.search(word):
                found.update(_east_asian(word))
            elif _is_long_enough(word):
                found.add(_singular(word))
    return found - STOP_WORDS


def topic_hashtags(hashtags: Iterable[str]) -> set[str]:
    """The hashtags that say something of a topic, folded."""
    return {fold(hashtag).lstrip("#") for hashtag in hashtags} - GENERIC_HASHTAGS - {""}


def _is_long_enough(word: str) -> bool:
    """Three letters where there are capitals, two elsewhere: they carry more."""
    return (3 if word[0] < "\u0590" else 2) <= len(word) <= WORD_LENGTH_MAX


def _singular(word: str) -> str:
    is_plural = len(word) > 4 and word.endswith("s") and word.isascii() and not word.endswith(("ss", "us", "is"))
    return word if not is_plural or word in STOP_WORDS else word[:-1]


def _east_asian(run: str) -> Iterable[str]:
    for part in _EAST_ASIAN.findall(run):
        if "\u3400" <= part[0] <= "\u9fff":
            yield from (part[start : start + 2] for start in range(len(part) - 1))
        elif len(part) <= WORD_LENGTH_MAX:
            yield part
