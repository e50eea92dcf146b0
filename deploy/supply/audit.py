"""Asks whether any pinned package has a known vulnerability. Needs the network; says so, in red, where there is none.

Never green by skipping: a pin that is known to be bad has to be found first, and every package of every requirement
file has to be among those that were looked up.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOOL = Path(sys.executable).parent / "pip-audit"
# Templates of this version run code of whoever writes them (CVE-2019-10906).
KNOWN_BAD = "jinja2==2.10\n"
ANSWER_MAX_S = 600


class AuditError(Exception):
    """The question was not answered."""


def ask(path: Path, *options: str) -> list[dict[str, Any]]:
    """What is known of each package of this file. Raises AuditError if even one was not looked up."""
    argv = [str(TOOL), "--strict", "--disable-pip", "--format", "json", "--progress-spinner", "off", *options]
    done = subprocess.run([*argv, "-r", str(path)], capture_output=True, text=True, check=False, timeout=ANSWER_MAX_S)
    try:
        answer: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise AuditError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no answer") from None
    asked = {each["name"].lower() for each in answer if "skip_reason" not in each}
    missing = sorted(pins(path) - asked)
    if missing:
        raise AuditError(f"not looked up: {', '.join(missing)}")
    return answer


def pins(path: Path) -> set[str]:
    """The packages that this file pins for this system."""
    lines = re.findall(r"^([a-z0-9._-]+)==[^\s;]+ ?(;[^\\\n]*)?", path.read_text(), re.MULTILINE)
    return {name for name, marker in lines if not marker}


def check_eyes() -> None:
    """Raises AuditError unless what is known to be bad is found to be bad."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as bad:
        bad.write(KNOWN_BAD)
        bad.flush()
        answer = ask(Path(bad.name), "--no-deps")
    if not any(each["vulns"] for each in answer):
        raise AuditError("a package that is known to be bad was found to be good")


def main() -> None:
    """Every requirement file, or those that are named."""
    files = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "requirements").glob("*.txt"))
    found = 0
    try:
        check_eyes()
        for path in files:
            answer = ask(path, "--require-hashes")
            bad = {f"{each['name']} {each['version']}": [it["id"] for it in each["vulns"]] for each in answer}
            vulnerable = {name: ids for name, ids in bad.items() if ids}
            found += len(vulnerable)
            print(f"{path.name}: {len(answer)} packages looked up, {len(vulnerable)} vulnerable {vulnerable or ''}")
    except AuditError as error:
        sys.exit(f"audit: NOT DONE: {error}")
    if found:
        sys.exit(f"audit: {found} vulnerable")


if __name__ == "__main__":
    main()
