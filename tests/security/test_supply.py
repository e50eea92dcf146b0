"""What we ship of others: listed, licensed, and looked up for vulnerabilities without ever being green by skipping."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-supply" / "bin"
IMAGES = ("gateway", "webhook", "tiktok", "instagram", "youtube", "migrate", "operate")


def run(*argv: str, environment: dict[str, str] | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **(environment or {})}
    return subprocess.run(argv, cwd=ROOT, env=env, input=given, capture_output=True, text=True, check=False)


def test_every_licence_is_one_that_we_may_ship_and_the_page_says_so() -> None:
    listed = run(str(TOOLS / "pip-licenses"), "--python", sys.executable, "--from", "mixed", "--format", "json")
    checked = run(sys.executable, "deploy/supply/licence.py", "--check", given=listed.stdout)
    assert checked.returncode == 0, checked.stderr
    strange = json.loads(listed.stdout)
    for each in strange:
        each["License"] = "AGPL-3.0-only" if each["Name"] == "httpx" else each["License"]
    refused = run(sys.executable, "deploy/supply/licence.py", "--check", given=json.dumps(strange))
    assert refused.returncode == 1
    assert "not allowed for ['httpx']" in refused.stderr


@pytest.mark.parametrize("image", IMAGES)
def test_a_bill_of_materials_names_every_package_with_its_hashes(image: str, tmp_path: Path) -> None:
    made = tmp_path / "bill.json"
    argv = [str(TOOLS / "python"), "-W", "ignore", "-m", "cyclonedx_py", "requirements", f"requirements/{image}.txt"]
    done = run(*argv, "--output-reproducible", "--spec-version", "1.6", "-o", str(made))
    assert done.returncode == 0, done.stderr
    bill = json.loads(made.read_text())
    listed = {(each["name"], each["version"]): each for each in bill["components"]}
    pinned = set(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", (ROOT / f"requirements/{image}.txt").read_text(), re.M))
    assert listed.keys() == pinned
    assert all(reference["hashes"] for each in listed.values() for reference in each["externalReferences"])


def test_an_audit_that_could_not_look_anything_up_is_red() -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}
    done = run(str(TOOLS / "python"), "deploy/supply/audit.py", environment=nowhere)
    assert done.returncode == 1
    assert "NOT DONE" in done.stderr


def test_no_secret_is_committed() -> None:
    """Whatever looks like one has been looked at: it is published, invented for a test, or a hash. What is new
    is looked at, and then noted by `make secrets`."""
    tracked = run("git", "ls-files", "-z").stdout.split("\0")
    samples = re.compile(r"^requirements/|secrets.baseline|/(data|golden|corpus)/|package-lock")
    known = json.loads((ROOT / ".secrets.baseline").read_text())["results"]
    before = {(name, each["hashed_secret"]) for name, listed in known.items() for each in listed}
    read = [name for name in tracked if name and not samples.search(name) and (ROOT / name).is_file()]
    done = run(str(TOOLS / "detect-secrets"), "scan", *read)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["results"]
    after = {(name, each["hashed_secret"]): each["line_number"] for name, listed in found.items() for each in listed}
    assert {f"{name}:{line}" for (name, secret), line in after.items() if (name, secret) not in before} == set()
