"""What is asked for: the same of the system and of the sequential flow."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """So many creators for these keywords."""

    name: str
    keywords: tuple[str, ...]
    target: int


_FIVE: Final = ("vegan", "sourdough", "hiking", "chess", "guitar")

ORDERS: Final = (
    Order(name="one keyword, 300 creators", keywords=("ramen",), target=300),
    Order(name="five keywords, 300 creators", keywords=_FIVE, target=300),
    Order(name="one keyword, 1,000 creators", keywords=("ramen",), target=1000),
)
