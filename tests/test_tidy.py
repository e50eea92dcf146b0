"""What no linter sees: the repository looks at itself."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_MAX = 400
VAGUE = {"utils", "util", "helpers", "helper", "base", "manager", "misc", "common_utils", "core", "stuff"}
PLATFORMS = ("tiktok", "instagram", "youtube")


def tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked("*.py") if "tests" not in path.parts]


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = {str(path): count for path in sources() if (count := len(path.read_text().splitlines())) > LINES_MAX}
    assert long == {}


def test_no_module_has_a_vague_name() -> None:
    assert [path for path in sources() if path.stem in VAGUE] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path
        for path in sources()
        if path.stem not in ("__init__", "conftest") and not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_every_platform_has_its_parts() -> None:
    for platform in PLATFORMS:
        folder = ROOT / "services" / platform / "src" / platform
        assert (folder / "table.py").is_file()
        assert (folder / "main.py").is_file()


def test_nothing_is_mocked() -> None:
    pattern = re.compile(r"unittest[.]mock|mocker[.]patch|monkeypatch[.]setattr|MagicMock")
    mine = Path(__file__).name
    assert [path for path in tracked("*.py") if path.name != mine and pattern.search(path.read_text())] == []


def test_only_the_worker_loop_catches_everything() -> None:
    broad = re.compile(r"except (Exception|BaseException)( as \w+)?:|except:")
    services = [path for path in sources() if "deploy" not in path.parts]
    places = {path.relative_to(ROOT).as_posix() for path in services if broad.search(path.read_text())}
    assert places <= {
        "libs/common/src/common/worker/loop.py",
        "libs/common/src/common/worker/step.py",  # releases the lease, then raises again
        "services/gateway/src/gateway/middleware/request.py",  # the last wall: no request without an answer
    }


def test_requirement_files_have_hashes_and_name_no_host() -> None:
    for path in tracked("requirements/*.txt"):
        text = path.read_text()
        assert "://" not in text, path
        pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==", text, re.MULTILINE)
        assert pins, path
        assert len(pins) <= text.count("--hash=sha256:"), path


def test_the_lock_files_of_node_name_no_host() -> None:
    for path in tracked("*package-lock.json"):
        assert '"resolved"' not in path.read_text(), path


def test_no_path_of_a_machine_is_committed() -> None:
    # Where the clone's neighbours are; a folder that every machine has says nothing of this one.
    here = ROOT if str(ROOT.parent) in ("/tmp", "/var/tmp", "/srv", "/opt") else ROOT.parent
    home = re.compile(rb"/(?:home|Users|root)/[a-z]+/|" + re.escape(str(here).encode()) + rb"/")
    for path in tracked():
        if path.suffix not in (".png", ".gz"):
            assert not home.search(path.read_bytes()), path


def test_every_member_is_installed_by_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    members = re.search(r"^MEMBERS := (.*)$", makefile, re.MULTILINE)
    assert members
    folders = {path.parent.relative_to(ROOT).as_posix() for path in tracked("*pyproject.toml")} - {"."}
    assert set(members[1].split()) == folders


@pytest.mark.parametrize("name", ["setup", "demo", "run", "check", "test", "faults", "fuzz"])
def test_make_lists_its_targets(name: str) -> None:
    listing = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.search(rf"make {name}\s+\S", listing)


def test_every_command_of_the_contract_is_there() -> None:
    commands: set[str] = set()
    for path in tracked("*pyproject.toml"):
        commands |= set(tomllib.loads(path.read_text()).get("project", {}).get("scripts", {}))
    assert {"gateway", "webhook", "tiktok", "instagram", "youtube", "migrate", "operate", "local"} <= commands


def environment_variables() -> set[str]:
    """The fields of every settings group, as variables."""
    names: set[str] = set()
    for path in sources():
        for block in re.split(r"^class ", path.read_text(), flags=re.MULTILINE)[1:]:
            if block.split("\n", 1)[0].endswith("(EnvironmentSettings):"):
                names |= {
                    name.upper() for name in re.findall(r"^    ([a-z_]+): ", block.split("\n\n\n")[0], re.MULTILINE)
                }
    return names


def test_the_readme_names_every_variable() -> None:
    readme = (ROOT / "README.md").read_text()
    assert {name for name in environment_variables() if name not in readme} == set()


def test_every_dynamic_setting_is_read_somewhere() -> None:
    text = (ROOT / "libs/common/src/common/domain/setting.py").read_text()
    keys = set(re.findall(r"^    ([a-z_]+): (?:Annotated|timedelta)", text, re.MULTILINE))
    assert keys
    rest = "\n".join(path.read_text() for path in sources() if path.name != "setting.py" or "domain" not in path.parts)
    # The gate reads some of them in Postgres itself.
    statements = "\n".join(path.read_text() for path in (ROOT / "deploy/migrate/src/migrate/sql").glob("*.sql"))
    assert {key for key in keys if f".{key}" not in rest and f"key = '{key}'" not in statements} == set()


def test_only_these_places_speak_http_to_others() -> None:
    """To addresses of the configuration alone: no link that a stranger wrote is ever fetched."""
    speaks = re.compile(r"httpx\.(?:Async)?Client\(|httpx\.(?:get|post|request|stream)\(|urlopen|AsyncQStash\(")
    services = [path for path in sources() if "deploy" not in path.parts]
    places = {path.relative_to(ROOT).as_posix() for path in services if speaks.search(path.read_text())}
    assert places == {
        "libs/common/src/common/upstream/client.py",
        "libs/common/src/common/qstash/publisher.py",
        "services/gateway/src/gateway/auth/jwks.py",
    }
