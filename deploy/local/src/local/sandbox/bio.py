"""What invented people write about themselves, with their addresses in every disguise that bios use.

Rule: an address that a reader should find has a real public suffix and an invented name; `.example` ones are bait.
"""

from dataclasses import dataclass

from local.sandbox.draw import Draw

TAGLINES = (
    "Slow mornings & tiny ovens",
    "Online coach 💪 programmes below",
    "Thrift, mend, repeat ♻️",
    "Cooking from a very small kitchen",
    "Dog person. Sometimes runs.",
    "I draw maps of places that do not exist",
    "Mum of 3 | honest reviews",
    "Physio by day, climber by night 🧗",
    "Vegan-ish. Always hungry.",
    "Filming the north coast 🌊",
    "Skincare nerd, no filter",
    "Books, tea, more books",
)
LEADS = ("collabs:", "📩", "business:", "mgmt:", "contact", "Collabs 📩", "PR ➡️", "enquiries -")
BAITS = (
    "wallpapers: icon@2x.png",
    "rates: 20% off with code X@CHECKOUT",
    "2nd account @{handle}.extra",
    "mail: {handle}@inbox.example",
)
WORDS = ("studio", "kitchen", "talent", "media", "lab", "mgmt", "works", "channel")
SUFFIXES = ("com", "com", "com", "co.uk", "net", "co", "fr", "de", "com.au", "io")
MAILBOXES = ("hello", "team", "collab", "business", "mgmt", "bookings", "hi")


@dataclass(frozen=True, slots=True)
class Bio:
    text: str
    email: str | None  # the one address that a careful reader finds, in lower case


def write(chance: Draw, handle: str, surname: str) -> Bio:
    """About 25 % are empty, 45 % carry an address, the rest are plain or bait."""
    kind = chance.below(100)
    if kind < 25:
        return Bio("", None)
    tagline = chance.pick(TAGLINES)
    if kind < 70:
        email = _address(chance, surname)
        return Bio(f"{tagline}\n{_disguise(chance, email)}", email)
    if kind < 78:
        return Bio(f"{tagline}\n{chance.pick(BAITS).format(handle=handle)}", None)
    return Bio(tagline, None)


def _address(chance: Draw, surname: str) -> str:
    mailbox = chance.pick(MAILBOXES)
    host = f"{surname.lower()}-{chance.pick(WORDS)}.{chance.pick(SUFFIXES)}"
    return f"{mailbox}@mail.{host}" if chance.chance(15) else f"{mailbox}@{host}"


def _disguise(chance: Draw, email: str) -> str:
    lead = chance.pick(LEADS)
    mailbox, host = email.split("@")
    forms = (
        f"{lead} {email}",
        f"{lead} {email}",
        f"{lead} {email}",
        f"📩{email}💌",
        f"{lead} {email.upper()}",
        f"{lead} {email} for collabs",
        f"{lead} {email}. DMs closed",
        f"{lead} {mailbox}＠{host}",
        f"{lead} {mailbox} (at) {host.replace('.', ' dot ')}",
        f"{lead} {mailbox}[at]{host.replace('.', '[dot]')}",
        f"{lead} {email}\nbanner: header@2x.png",
    )
    return chance.pick(forms)
