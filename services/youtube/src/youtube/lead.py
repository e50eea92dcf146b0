"""What to search for to find channels like one: its own topics, and what its titles have in common."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise
from typing import Final

from common.domain.creator import Account, Content
from youtube.stop_word import STOP_WORDS, TAGS_OF_ALL

TITLE_COUNT_MIN: Final = 2
"""In how many titles a phrase must stand to be what they have in common."""

FORMULA_SHARE: Final = 5
"""One of so many titles must have a phrase of which nothing else says that it is the channel's subject."""

PHRASE_COUNT_MAX: Final = 10
TITLE_LENGTH_MAX: Final = 200
"""YouTube admits 100."""

# Word characters and the marks of scripts whose marks are none to `re`. Han and Katakana are words by themselves: these
# scripts have no blanks, and the Hiragana between them are mostly endings and particles.
_MARK: Final = r"\u0300-\u036f\u0590-\u05bd\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0980-\u109f\u1780-\u17ff"
_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"
_KATAKANA: Final = r"\u30a1-\u30fa\u30fc"
_WORD: Final = re.compile(rf"[{_HAN}]+|[{_KATAKANA}]+|(?:(?![{_HAN}{_KATAKANA}\u3040-\u309f])[\w{_MARK}'’])+")
_HAN_RUN: Final = re.compile(rf"[{_HAN}]+")
_HASHTAG: Final = re.compile(r"[#＃]\S+")
_HAN_LENGTHS: Final = (2, 3, 4)
_ASCII_LENGTH_MIN: Final = 3


def own_topics(account: Account) -> list[str]:
    """The topics under which an account files itself, in its order: each adds a word to those before it, and is neither
    what everybody writes ("vlog", "funny") nor the account's own name, which would find itself."""
    chosen: list[str] = []
    seen = set(TAGS_OF_ALL)
    for topic in account.topics:
        words = set(_words(topic)) - {""}
        if not words <= seen and not _is_name_of(account, topic):
            chosen.append(topic)
            seen |= words
    return chosen


def common_phrases(contents: Sequence[Content], account: Account | None) -> list[str]:
    """The phrases of two words and the words that stand in several titles, the most telling first, each title once.

    Formulas are common too ("what nobody tells"): what shares no word with the account's topics or the titles' hashtags
    must stand in a fifth of the titles. A word that stands in a phrase of the list is left out, likewise a phrase that
    shares a word with a better one, and what consists of the words of the account's name: that would find itself.
    """
    titles = [_words(title) for title in _titles(contents)]
    subjects = set(common_hashtags(contents)).union(*map(_words, account.topics if account else ())) - {""}
    scored = list(_scored(titles, subjects))
    ranked = sorted(scored, key=lambda scored_phrase: (-scored_phrase[0], -len(scored_phrase[1]), scored_phrase[1]))
    own = set(_words(account.name or "")) if account else set[str]()
    foreign = (phrase for _, phrase in ranked if not own.issuperset(phrase.split()))
    return _without_overlap(one for one in foreign if account is None or not _is_name_of(account, one))


def common_hashtags(contents: Iterable[Content]) -> list[str]:
    """The hashtags in the titles, the most used first, without those that everybody uses."""
    tags: Counter[str] = Counter()
    for title in _titles(contents):
        tags.update({tag.lstrip("#＃").rstrip(".,!?:;)").casefold() for tag in _HASHTAG.findall(title)})
    ranked = sorted(tags, key=lambda tag: (-tags[tag], tag))
    return [tag for tag in ranked if tag not in TAGS_OF_ALL and _is_telling(tag) and "#" not in tag]


def _titles(contents: Iterable[Content]) -> Iterator[str]:
    for content in contents:
        yield (content.text or "").partition("\n")[0][:TITLE_LENGTH_MAX]


def _words(title: str) -> list[str]:
    """The words of a title in order, with "" where one was that joins nothing: a stop word, a number, a hashtag."""
    plain = _HASHTAG.sub(" . ", title).casefold()
    found: list[str] = []
    end = 0
    for match in _WORD.finditer(plain):
        gap = plain[end : match.start()]
        if gap.strip(" -"):
            found.append("")
        word = match[0].replace("’", "'").strip("'").removesuffix("'s")
        found.append(word if _is_telling(word) and word not in STOP_WORDS else "")
        end = match.end()
    return found


def _pairs(title: Sequence[str]) -> Iterator[str]:
    for first, second in pairwise(title):
        if first and second and first != second:
            yield f"{first} {second}"


def _single_words(title: Sequence[str]) -> Iterator[str]:
    """The words, and of a run of Han also its parts: nothing shows where a word ends."""
    for word in title:
        if _HAN_RUN.fullmatch(word):
            yield from (word[i : i + length] for length in _HAN_LENGTHS for i in range(len(word) - length + 1))
        elif word:
            yield word


def _scored(titles: Sequence[Sequence[str]], subjects: Set[str]) -> Iterator[tuple[int, str]]:
    """The phrases that stand in enough titles, each with how telling it is."""
    phrases = Counter(phrase for title in titles for phrase in {*_pairs(title), *_single_words(title)})
    formula_count_min = max(TITLE_COUNT_MIN, -(-len(titles) // FORMULA_SHARE))
    for phrase, count in phrases.items():
        words = phrase.split()
        is_subject = not subjects.isdisjoint(words)
        if count >= (TITLE_COUNT_MIN if is_subject else formula_count_min):
            yield count * len(words) * (2 if is_subject else 1), phrase


def _without_overlap(ranked: Iterable[str]) -> list[str]:
    chosen: list[str] = []
    for phrase in ranked:
        words = set(phrase.split())
        is_new = all(not words & set(one.split()) and phrase not in one and one not in phrase for one in chosen)
        if is_new:
            chosen.append(phrase)
        if len(chosen) == PHRASE_COUNT_MAX:
            break
    return chosen


def _is_telling(text: str) -> bool:
    """Whether it can be searched for: a few letters, not a number."""
    letters = [character for character in text if character.isalpha()]
    return len(letters) >= (_ASCII_LENGTH_MIN if text.isascii() else 2)


def _is_name_of(account: Account, phrase: str) -> bool:
    """Whether the phrase is, holds, or is a part of several words of the account's name or handle."""
    bare = _letters(phrase)
    names = [name for name in (_letters(account.name or ""), _letters(account.handle)) if name]
    is_whole = any(name in bare for name in names)
    return is_whole or (len(phrase.split()) > 1 and any(bare in name for name in names))


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
