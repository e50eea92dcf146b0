"""Which revisions a run applies: first what widens the schema, and what narrows it only when told to.

An *expand* leaves everything that the version before uses, so that both run on it. A *contract* takes away what only
older versions use. A run without `--contract` goes up to the next contract, one with it applies the contracts that
come next; so no order on the command line takes from running services what they use. A database in which nothing is
yet has nobody running on it: it gets everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from common.errors import ConfigurationError

Phase = Literal["expand", "contract"]

# Made before there were phases, and before a version was deployed anywhere: they count as expands and are exempt from
# what the sources of a revision are checked for.
FOUNDING = frozenset({"0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"})


@dataclass(frozen=True, slots=True)
class Revision:
    name: str
    phase: Phase


def choose(pending: Sequence[Revision], *, is_new: bool, is_contract: bool) -> list[Revision]:
    """What to apply now of what is pending, in order; may be nothing.

    Raises ConfigurationError if what is asked for cannot be applied before something else is.
    """
    if is_new:
        return list(pending)
    wanted: Phase = "contract" if is_contract else "expand"
    first = next((place for place, each in enumerate(pending) if each.phase != wanted), len(pending))
    behind = any(each.phase == wanted for each in pending[first:])
    if behind and not is_contract:
        raise ConfigurationError(_what_comes_first(pending[first], is_next=first == 0))
    if behind and first == 0:
        raise ConfigurationError(
            f"revision {pending[0].name} is an expand and comes first: run migrate, roll out, then migrate --contract"
        )
    return list(pending[:first])


def _what_comes_first(contract: Revision, *, is_next: bool) -> str:
    if is_next:
        return (
            f"revision {contract.name} is a contract and comes first: when no service of the version before it runs, "
            "run migrate --contract, then migrate"
        )
    return f"a version was left out: roll out the one that ends with contract {contract.name} first"
