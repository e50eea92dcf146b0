"""What images are made of is read from the files that make them."""

from pathlib import Path

import pytest
import yaml

from ship.images.build import SERVICES, index_of
from ship.images.check import CheckError
from ship.images.compose import asked_of
from ship.images.content import materials
from ship.images.foundation import base_tag, suite_of
from ship.images.stand_in import lay_out, name_of, recipe

DEPLOY = Path(__file__).parents[3]
COMPOSE = (DEPLOY / "compose.yaml").read_text()
FOREIGN = sorted(
    {
        service["image"]
        for service in yaml.safe_load(COMPOSE)["services"].values()
        if "build" not in service and "observability" not in service.get("profiles", ())
    }
)


def test_the_dockerfile_begins_with_a_release_of_debian_that_debootstrap_can_make() -> None:
    tag = base_tag((DEPLOY / "Dockerfile").read_text())
    assert tag.startswith("python:3.13-")
    assert suite_of(tag) == "trixie"
    with pytest.raises(CheckError, match="ARG BASE"):
        base_tag("FROM scratch\n")


@pytest.mark.parametrize("image", FOREIGN)
def test_every_server_that_the_compose_file_names_can_be_stood_in_for(image: str, tmp_path: Path) -> None:
    context = tmp_path / "context"
    lay_out(name_of(image), context)
    copied = [word for line in (context / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")
              for word in line.split()[1:-1]]  # fmt: skip
    assert [name for name in copied if not (context / name).exists()] == []
    assert len(recipe(name_of(image))) == 16


def test_an_image_that_nothing_stands_in_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="stands in for the image redis"):
        lay_out(name_of("registry.example:5000/library/redis:8@sha256:abc"), tmp_path / "context")


def test_every_image_of_ours_in_the_compose_file_is_built_and_looked_at() -> None:
    services = yaml.safe_load(COMPOSE)["services"].values()
    assert {one["build"]["args"]["SERVICE"] for one in services if "build" in one} == set(SERVICES)


def test_what_the_compose_file_takes_from_the_environment_is_known() -> None:
    file = "x: ${VERSION:-dev}\n  environment:\n    QSTASH_URL:\n    NATS_URL: tls://nats:4222\n    - ${A}/b\n"
    assert asked_of(file) == {"VERSION", "QSTASH_URL", "A"}
    assert {"QSTASH_TOKEN", "EDGE_HTTP", "SECRETS_PATH"} <= asked_of(COMPOSE)


@pytest.mark.parametrize(
    ("told", "index"),
    [
        ("", None),
        ("global.cert='/etc/ssl/ca.pem'\n:env:.timeout='9'", None),
        ("global.index-url='https://a.example/simple'", "https://a.example/simple"),
        ("global.index-url='https://a.example/'\n:env:.index-url='https://b.example/'", "https://b.example/"),
    ],
)
def test_the_machines_package_index_is_what_pip_says_it_is(told: str, index: str | None) -> None:
    assert index_of(told) == index


def test_a_bill_of_materials_names_packages_as_an_index_does() -> None:
    bill = {
        "components": [
            {"name": "Typing_Extensions", "version": "4.15", "purl": "pkg:pypi/typing-extensions@4.15"},
            {"name": "creatorscout-common", "version": "0.1.0"},
            {"name": "openssl", "version": "3.5", "purl": "pkg:deb/debian/openssl@3.5"},
        ]
    }
    assert materials(bill) == {"typing-extensions": "4.15", "creatorscout-common": "0.1.0"}
