"""`ship images-check`: build the images, run the compose file, try the system, leave nothing behind."""

import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from local.interrupt import Interrupted, interruptible
from local.port import free_port
from ship.images.build import SERVICES, VERSION, Shop, build, image_of, revision
from ship.images.check import CheckError, Sheet, demand
from ship.images.compose import Compose, find_compose
from ship.images.content import look_at_all, refuse_without_variables
from ship.images.docker import Docker
from ship.images.engine import open_engine
from ship.images.foundation import provide_base
from ship.images.program import undisturbed
from ship.images.stack import Stack
from ship.images.stand_in import provide_servers
from ship.images.story_job import killed_worker, throughput, two_replicas
from ship.images.story_roll import rolling_restart
from ship.images.story_start import start_times
from ship.images.story_wall import walls

IMAGES = "images"
STORIES: dict[str, Callable[[Stack], None]] = {
    "job": two_replicas,
    "walls": walls,
    "start": start_times,
    "kill": killed_worker,
    "throughput": throughput,
    "roll": rolling_restart,
}
NAMES = (IMAGES, *STORIES)


def run_images_check(root: Path, *, only: Sequence[str], engine: str | None, keep: bool, pull: bool) -> int:
    """The exit code: 0 if everything that was looked at is as promised."""
    console = Console(width=max(Console().width, 110))
    sheet = Sheet(console)
    began_at = time.monotonic()
    out = root / "out/images"
    shutil.rmtree(out, ignore_errors=True)
    try:
        with interruptible():
            _check(Shop(root, Path(), pull, sheet), only or NAMES, engine, keep)
    except CheckError as error:
        console.print(sheet.table())
        console.print(f"[red]images-check:[/red] {error}", highlight=False, markup=True)
        return 1
    except Interrupted as interrupted:
        console.print(f"stopped by {interrupted}; nothing is left", highlight=False)
        return interrupted.exit_code
    console.print(sheet.table())
    console.print(f"all as promised, in {time.monotonic() - began_at:.0f} s", highlight=False)
    return 0


def _check(shop: Shop, names: Sequence[str], engine: str | None, keep: bool) -> None:
    with ExitStack() as ending:
        docker = ending.enter_context(open_engine(engine, shop.sheet))
        scratch = ending.enter_context(tempfile.TemporaryDirectory(prefix="creatorscout-images-"))
        shop = Shop(shop.root, Path(scratch), shop.is_pulling, shop.sheet)
        made = ending.enter_context(_images_removed(docker, shop.sheet))
        stories = [STORIES[name] for name in STORIES if name in names]
        revised = revision(shop.root)
        base = _provide(docker, shop, made)
        build(docker, base, shop, revised)
        if IMAGES in names:
            look_at_all(docker, base, revised, shop.sheet)
            refuse_without_variables(docker, shop.sheet)
        if stories or keep:
            _run(docker, base, shop, stories, keep)


def _provide(docker: Docker, shop: Shop, made: list[str]) -> str:
    """All images that are not ours; the tag of the base. Those made here are added to `made`."""
    before = docker.listed("image")
    base = provide_base(docker, shop.dockerfile, is_pulling=shop.is_pulling, sheet=shop.sheet)
    if docker.listed("image") - before:
        made.append(base)
    compose = Compose(docker, find_compose(docker, shop.root), shop.root, {})
    services = compose.config()["services"].values()
    foreign = sorted({one["image"] for one in services if "build" not in one})
    made.extend(provide_servers(docker, foreign, base, shop))
    ours = {one["image"].split(":")[0].removeprefix("creatorscout/") for one in services if "build" in one}
    demand(ours <= set(SERVICES), f"compose.yaml builds what is not checked: {sorted(ours - set(SERVICES))}")
    made.extend(image_of(service) for service in SERVICES)
    return base


def _run(docker: Docker, base: str, shop: Shop, stories: list[Callable[[Stack], None]], keep: bool) -> None:
    """Bring the compose file up, let each story happen, take it down."""
    port, secure = free_port(), free_port()
    variables = {
        "VERSION": VERSION,
        "BASE": base,
        "EDGE_HTTP": f"127.0.0.1:{port}",
        "EDGE_HTTPS": f"127.0.0.1:{secure}",
    }
    compose = Compose(docker, find_compose(docker, shop.root), shop.root, variables)
    stack = Stack(compose, f"http://127.0.0.1:{port}", shop.sheet, shop.root / "out/images")
    demand(not compose.left(), f"an earlier run left {compose.left()} behind: remove it first")
    with _down(stack):
        began_at = time.monotonic()
        shop.sheet.doing("docker compose --profile local up --wait --scale tiktok=2")
        compose.up(tiktok=2)
        shop.sheet.confirm("compose", "comes up, all healthy, two tiktok", f"{time.monotonic() - began_at:.1f} s")
        for story in stories:
            shop.sheet.doing((story.__doc__ or story.__name__).splitlines()[0])
            story(stack)
        if keep:
            shop.sheet.doing(f"up at {stack.edge} until Ctrl-C (DOCKER_HOST={docker.host})")
            signal.pause()


@contextmanager
def _down(stack: Stack) -> Generator[None]:
    """After the block, nothing of the project is left; what the containers said is kept if it failed."""
    try:
        yield
    except CheckError:
        with undisturbed():
            stack.compose.keep_logs(stack.out)
        stack.sheet.note("logs", f"of each container in {stack.out}")
        raise
    finally:
        with undisturbed():
            stack.compose.down()
    left = stack.compose.left()
    demand(not left, f"docker compose down left {left}")
    stack.sheet.confirm("compose", "down leaves no container, volume or network")


@contextmanager
def _images_removed(docker: Docker, sheet: Sheet) -> Generator[list[str]]:
    """After the block, the engine has none of the images that were added to the list."""
    made: list[str] = []
    try:
        yield made
    finally:
        with undisturbed():
            if made:
                docker.attempt("image", "rm", "--force", *made)
    left = [name for name in made if docker.image(name)]
    demand(not left, f"images are left: {left}")
    sheet.confirm("engine", "no image of this run is left", f"{len(made)} removed")
