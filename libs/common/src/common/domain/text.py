"""Text of strangers, made fit to be kept.

The rule: whatever a creator wrote becomes text that UTF-8, Postgres `text` and `jsonb` all accept, in one normal form,
of bounded length, and cleaning it again changes nothing. What can be read is not changed: look-alikes, emoji and odd
spaces stay as they were written.
"""

import re
from unicodedata import category, combining, normalize

TEXT_LENGTH_MAX = 10_000

# Unicode allows any number of marks on one letter, and sorting them takes quadratic time (10,000 marks: 65 ms,
# 1,000,000: minutes). No language needs more than 30: UAX #15, "Stream-Safe Text Format".
MARK_COUNT_MAX = 30

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONG_FOREIGN_RUN = re.compile(rf"[^\x00-\x7f]{{{MARK_COUNT_MAX + 1}}}")  # marks are no ASCII
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ZERO_WIDTH_JOINER = "\u200d"


def clean_text(text: str | None, length_max: int = TEXT_LENGTH_MAX) -> str | None:
    """The text without control characters and lone surrogates, in NFC, at most length_max characters long.

    Newline and tab stay, and a carriage return becomes a newline. A pair of surrogates becomes the character that it
    stands for. The end is never cut inside a letter with its marks or an emoji made of several characters. None stays
    None, and text that was empty or becomes empty is "". It takes linear time.
    """
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text)
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    text = _cut(text, length_max)
    if text.isascii():
        return text
    text = _without_long_mark_runs(normalize("NFC", _without_long_mark_runs(text)))
    return _cut(text, length_max)


def _cut(text: str, length_max: int) -> str:
    """The text up to length_max, or up to the start of the cluster that length_max would divide."""
    if len(text) <= length_max:
        return text
    for end in range(length_max, max(0, length_max - 2 * MARK_COUNT_MAX), -1):
        if not _continues(text[end]) and text[end - 1] != _ZERO_WIDTH_JOINER:
            return text[:end]
    return text[:length_max]


def _continues(character: str) -> bool:
    """Whether the character belongs to the one before it: a mark, a joiner, or the colour of an emoji's skin."""
    return (
        character == _ZERO_WIDTH_JOINER
        or category(character).startswith("M")
        or "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}" <= character <= "\N{EMOJI MODIFIER FITZPATRICK TYPE-6}"
    )


def _without_long_mark_runs(text: str) -> str:
    if not _LONG_FOREIGN_RUN.search(text):
        return text
    kept: list[str] = []
    run = 0
    for character in text:
        run = run + 1 if combining(character) else 0
        if run <= MARK_COUNT_MAX:
            kept.append(character)
    return "".join(kept)
