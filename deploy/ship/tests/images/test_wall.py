"""A container that lacks any one wall is not confined."""

from copy import deepcopy
from typing import Any

import pytest

from ship.images.story_wall import standing

CONFINED: dict[str, Any] = {
    "Config": {"User": "10001:10001"},
    "HostConfig": {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "CapAdd": ["NET_BIND_SERVICE"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Privileged": False,
        "Memory": 1 << 28,
        "PidsLimit": 128,
    },
}


def test_a_container_with_every_wall_is_confined() -> None:
    assert [wall for wall, stands in standing(CONFINED).items() if not stands] == []


@pytest.mark.parametrize(
    ("part", "name", "value", "wall"),
    [
        ("Config", "User", "", "it runs as root"),
        ("Config", "User", "root", "it runs as root"),
        ("Config", "User", "0:10001", "it runs as root"),
        ("HostConfig", "ReadonlyRootfs", False, "its root file system can be written to"),
        ("HostConfig", "CapDrop", None, "capabilities are not dropped"),
        ("HostConfig", "CapDrop", ["NET_RAW"], "capabilities are not dropped"),
        ("HostConfig", "CapAdd", ["SYS_ADMIN"], "it is given capabilities"),
        ("HostConfig", "SecurityOpt", None, "it may gain privileges"),
        ("HostConfig", "SecurityOpt", ["no-new-privileges:false"], "it may gain privileges"),
        ("HostConfig", "Privileged", True, "it is privileged"),
        ("HostConfig", "Memory", 0, "its memory has no limit"),
        ("HostConfig", "PidsLimit", None, "its processes have no limit"),
    ],
)
def test_each_missing_wall_is_named(part: str, name: str, value: object, wall: str) -> None:
    told = deepcopy(CONFINED)
    told[part][name] = value
    assert [each for each, stands in standing(told).items() if not stands] == [wall]
