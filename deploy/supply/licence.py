"""Writes docs/licences.md: what the images hold that others made, and under which licence.

Reads what `pip-licenses --format json` printed from standard input. Ends with 1, naming the packages, if a licence is
not among those that we may ship; with `--check` also if the page is not what it should be.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "licences.md"
NOT_SHIPPED = {"dev", "supply", "ship", "scan", "build", "bench"}

# Permissive ones, and weak copyleft of libraries that are used as they are.
# LGPL: psycopg; MPL: certifi's and publicsuffixlist's data.
ALLOWED = {
    *("MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "BSD", "ISC", "Apache-2.0", "PSF-2.0", "Unlicense"),
    *("MPL-2.0", "LGPL-3.0-only"),
}
SAME = {
    "MIT License": "MIT",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "The Unlicense (Unlicense)": "Unlicense",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Installed on another system than this one: stated by its authors.
ELSEWHERE = {"colorama": "BSD-3-Clause"}
HEAD = """# Licences

What the images hold that others made; `make licences` writes this page from the packages' metadata.

| package | version | licence | in |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    services: tuple[str, ...]


def shipped(folder: Path) -> list[Package]:
    """Every package of a service's requirement file, by name."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.glob("*.txt")):
        if path.stem not in NOT_SHIPPED:
            for pin in re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", path.read_text(), re.MULTILINE):
                found.setdefault(pin, []).append(path.stem)
    return [Package(name, version, tuple(services)) for (name, version), services in sorted(found.items())]


def read_licences(text: str) -> dict[str, str]:
    """Licence by package, in short names; a text that is the licence itself counts as its first line."""
    listed = json.loads(text)
    return {re.sub(r"[-_.]+", "-", each["Name"]).lower(): _short(each["License"]) for each in listed}


def _short(licence: str) -> str:
    parts = re.split(r"; | OR | AND ", licence.strip().splitlines()[0])
    joined = " AND " if " AND " in licence.splitlines()[0] else " OR "
    return joined.join(sorted(SAME.get(part, part) for part in parts))


def write_page(packages: list[Package], licences: Mapping[str, str]) -> str:
    rows = [
        f"| {each.name} | {each.version} | {licences[each.name]} | {', '.join(each.services)} |\n" for each in packages
    ]
    return HEAD + "".join(rows)


def main() -> None:
    packages = shipped(ROOT / "requirements")
    licences = ELSEWHERE | read_licences(sys.stdin.read())
    unknown = [each.name for each in packages if each.name not in licences]
    refused = [name for name in (each.name for each in packages) if not _is_allowed(licences.get(name, ""))]
    if unknown or refused:
        sys.exit(f"licences: unknown of {unknown or 'none'}, not allowed for {refused}")
    page = write_page(packages, licences)
    if "--check" not in sys.argv:
        PAGE.write_text(page)
    elif PAGE.read_text() != page:
        sys.exit("licences: docs/licences.md is not what the requirement files say; run make licences")
    print(f"licences: {len(packages)} packages, all allowed")


def _is_allowed(licence: str) -> bool:
    """Of alternatives one is enough."""
    if " OR " in licence:
        return any(part in ALLOWED for part in licence.split(" OR "))
    return all(part in ALLOWED for part in licence.split(" AND "))


if __name__ == "__main__":
    main()
