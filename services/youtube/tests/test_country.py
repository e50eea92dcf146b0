"""Names of countries."""

import pytest

from youtube.country import country_code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("United Kingdom", "GB"),
        ("united states", "US"),
        (" Germany ", "DE"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Hong Kong", "HK"),
        ("Hong Kong SAR China", "HK"),
        ("Côte d’Ivoire", "CI"),
        ("Cote d'Ivoire", "CI"),
        ("Bosnia & Herzegovina", "BA"),
        ("Bosnia and Herzegovina", "BA"),
        ("Saint Lucia", "LC"),
        ("St. Lucia", "LC"),
        ("Myanmar (Burma)", "MM"),
        ("South Korea", "KR"),
        ("Czechia", "CZ"),
        ("Kosovo", "XK"),
        ("Congo - Kinshasa", "CD"),
    ],
)
def test_a_name_gives_its_code(name: str, code: str) -> None:
    """As CLDR writes it, and in the spellings that it has left."""
    assert country_code(name) == code


@pytest.mark.parametrize(
    "name", [None, "", " ", "Narnia", "European Union", "World", "Europe", "Pseudo-Accents", "\x00"]
)
def test_what_is_no_country_has_no_code(name: str | None) -> None:
    """CLDR also names blocs, continents and tests."""
    assert country_code(name) is None
