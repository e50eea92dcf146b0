"""From the English name of a country, as YouTube shows it, to its code.

YouTube writes the names of CLDR, which babel carries. What is no country there (a bloc, a pseudo-locale) has no code.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final
from unicodedata import combining, normalize

from babel import Locale

from common.domain.text import clean_text

NAME_LENGTH_MAX: Final = 100

# Codes of two letters in CLDR that ISO 3166-1 gives to no country, but for Kosovo's XK, which everybody uses.
_NO_COUNTRY: Final = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))
# Names that CLDR has left or gives as a variant only, for which babel has no place.
_OTHER_NAMES: Final = {
    "Bosnia": "BA",
    "Burma": "MM",
    "Cape Verde": "CV",
    "Cabo Verde": "CV",
    "Czech Republic": "CZ",
    "DR Congo": "CD",
    "Congo": "CG",
    "East Timor": "TL",
    "Hong Kong": "HK",
    "Ivory Coast": "CI",
    "Macao": "MO",
    "Macau": "MO",
    "Macedonia": "MK",
    "Macedonia (FYROM)": "MK",
    "Myanmar": "MM",
    "Palestine": "PS",
    "Swaziland": "SZ",
    "Turkey": "TR",
    "Turkiye": "TR",
    "UK": "GB",
    "USA": "US",
    "Vatican": "VA",
}


def country_code(name: str | None) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country's English name, None if it is not known.

    Case, accents, "&" or "and", "St." or "Saint" do not matter.
    """
    text = clean_text(name, NAME_LENGTH_MAX)
    return _codes().get(_folded(text)) if text else None


@cache
def _codes() -> Mapping[str, str]:
    """Read once, at the first country: 20 ms."""
    territories = Locale("en").territories
    told = {str(name): str(code) for code, name in territories.items()}
    countries = {name: code for name, code in told.items() if len(code) == 2 and code.isalpha()}
    named = {_folded(name): code for name, code in countries.items() if code not in _NO_COUNTRY}
    return {_folded(name): code for name, code in _OTHER_NAMES.items()} | named


def _folded(name: str) -> str:
    plain = "".join(character for character in normalize("NFKD", name) if not combining(character))
    words = plain.casefold().replace("&", " and ").replace("’", "'").replace(".", "").split()
    return " ".join("st" if word == "saint" else word for word in words)
