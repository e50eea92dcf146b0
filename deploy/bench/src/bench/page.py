"""docs/benchmarks.md: what a run found goes between its two marks; what people wrote around them stays."""

from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- written by `make bench`: do not edit -->"
END: Final = "<!-- until here -->"
PATH: Final = Path("docs/benchmarks.md")


class PageError(Exception):
    """The page lacks its marks."""


def write(root: Path, findings: str) -> None:
    """Raises PageError."""
    page = root / PATH
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise PageError(f"{PATH} lacks the marks between which the findings go")
    page.write_text(f"{before}{BEGIN}\n\n{findings.strip()}\n\n{END}{after}")
