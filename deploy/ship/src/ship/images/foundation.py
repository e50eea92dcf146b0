"""The Python image that the Dockerfile begins with; where no registry is reachable, one of the same name, made here.

The stand-in is Debian's own Python in a minimal Debian, where the Dockerfile expects the official image's. So it shows
what our recipe does; it shows nothing of the official image.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ship.images.cache import cache_folder, key
from ship.images.check import CheckError, Sheet
from ship.images.docker import Docker
from ship.images.engine import unmount
from ship.images.program import find, run

STAND_IN = "creatorscout.stand-in"
"""The label of what was made here in another's name."""
_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv", "tzdata")
_RECIPE = "2"
_MIRROR = "http://deb.debian.org/debian"
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_TEMPORARY = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")


def provide_base(docker: Docker, dockerfile: Path, *, is_pulling: bool, sheet: Sheet) -> str:
    """The tag of the image that the Dockerfile begins with; the engine has it now."""
    tag = base_tag(dockerfile.read_text())
    if provide(docker, tag, is_pulling=is_pulling, sheet=sheet):
        return tag
    archive = _archive(suite_of(tag), sheet)
    sheet.doing(f"a stand-in for {tag} from {archive.name}")
    changes = ('CMD ["python3"]', f"ENV PATH={_PATH} LANG=C.UTF-8", f"LABEL {STAND_IN}=python")
    docker.run("import", *(part for change in changes for part in ("--change", change)), archive, tag)
    sheet.note("base", f"{tag} is a stand-in: Debian's Python where the official image has its own")
    return tag


def provide(docker: Docker, tag: str, *, is_pulling: bool, sheet: Sheet) -> bool:
    """Whether the engine has the image: it had it, or it could be pulled."""
    if there := docker.image(tag):
        is_stand_in = STAND_IN in (there["Config"]["Labels"] or {})
        sheet.note("image", f"{tag} was there{', a stand-in' if is_stand_in else ''}")
        return True
    if is_pulling:
        sheet.doing(f"pulling {tag}")
        return docker.attempt("pull", "--quiet", tag, timeout_s=600).returncode == 0
    return False


def base_tag(dockerfile: str) -> str:
    """What the Dockerfile names as BASE."""
    if found := re.search(r"^ARG BASE=(\S+)$", dockerfile, re.MULTILINE):
        return found[1]
    raise CheckError("the Dockerfile has no line `ARG BASE=...`")


def suite_of(tag: str) -> str:
    """Debian's name of the release that an image's tag ends with."""
    return tag.rsplit("-", 1)[-1].rsplit(":", 1)[-1]


def _archive(suite: str, sheet: Sheet) -> Path:
    """The root file system as an archive, made unless it is kept from an earlier run."""
    kept = cache_folder() / f"base-{suite}-{key([_RECIPE, suite, *_PACKAGES])}.tar"
    if kept.exists():
        return kept
    if os.geteuid() != 0 or not find("debootstrap"):
        raise CheckError("no base image: pull it (--pull), or be root and install debootstrap to make a stand-in")
    sheet.doing(f"a minimal Debian {suite} by debootstrap (a minute; kept in {kept.parent})")
    with _scratch(kept.parent) as folder:
        root = folder / "root"
        options = ("--variant=minbase", f"--include={','.join(_PACKAGES)}")
        run([find("debootstrap")[0], *options, suite, root, _MIRROR], environment={"PATH": _PATH}, timeout_s=900)
        _furnish(root)
        draft = folder / "root.tar"
        run(["tar", "-C", root, "--numeric-owner", "-cf", draft, "."])
        draft.rename(kept)
    return kept


@contextmanager
def _scratch(parent: Path) -> Generator[Path]:
    """A folder that is gone after the block, with what was mounted there."""
    folder = Path(tempfile.mkdtemp(prefix="base-", dir=parent))
    try:
        yield folder
    finally:
        unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _furnish(root: Path) -> None:
    """Python where the official image has it, and nothing that a run leaves lying about."""
    for name, target in (("python", "python3"), ("python3", "python3"), ("pip", "pip3")):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{target}")
    for mark in (root / "usr/lib").glob("python3*/EXTERNALLY-MANAGED"):
        mark.unlink()
    for name in _TEMPORARY:
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
