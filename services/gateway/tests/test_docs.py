"""The reference page: shipped with the gateway, drawn without any other host, without inline code."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gateway.page
from gateway.asset import read_assets, read_page

FOLDER = Path(gateway.page.__file__).parent
VENDORED = FOLDER / "swagger_ui"
DRAW_MAX_S = 60


def test_what_others_wrote_is_as_they_shipped_it() -> None:
    noted = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|$", (VENDORED / "README.md").read_text(), re.MULTILINE))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDORED.iterdir()}
    assert noted == {name: digest for name, digest in found.items() if name != "README.md"}
    assert {"LICENSE", "NOTICE"} <= set(noted)


def test_the_page_names_every_asset_and_holds_no_code_of_its_own() -> None:
    assets = read_assets()
    page = read_page(assets).decode()
    assert {path.rpartition("/")[2] for path in re.findall(r'(?:src|href)="(docs/[^"]+)"', page)} == set(assets)
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?:|\{", page)


@pytest.mark.server
async def test_the_page_and_its_files_are_there_for_everybody(gateway: Any) -> None:
    async with gateway.stranger() as client:
        page = await client.get("/docs")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        for path in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
            file = await client.get(f"/{path}")
            assert file.status_code == 200
            assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "default-src 'none'" in file.headers["Content-Security-Policy"]
            again = await client.get(f"/{path}", headers={"If-None-Match": file.headers["ETag"]})
            assert (again.status_code, again.content) == (304, b"")


@pytest.mark.server
@pytest.mark.parametrize("name", ["README.md", "docs.js", "docs.html", "..%2fdocs.html", "x%00", "swagger_ui"])
async def test_no_other_file_is_served(gateway: Any, name: str) -> None:
    async with gateway.stranger() as client:
        answer = await client.get(f"/docs/assets/{name}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@pytest.fixture
def draw(tmp_path: Path) -> Callable[[str], tuple[str, list[str]]]:
    """Opens a page in a browser that reaches only this machine: the page as drawn, and what its console says."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("there is no chromium on this machine")

    def drawn(url: str) -> tuple[str, list[str]]:
        run = subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
                f"--user-data-dir={tmp_path}",
                "--enable-logging=stderr",
                "--virtual-time-budget=20000",
                "--dump-dom",
                url,
            ],
            capture_output=True,
            text=True,
            timeout=DRAW_MAX_S,
            check=True,
        )
        return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]

    return drawn


@pytest.mark.server
async def test_a_browser_draws_it_and_has_nothing_to_complain_of(gateway: Any, draw: Callable[..., Any]) -> None:
    page, complaints = draw(f"{gateway.url}/docs#/jobs/readJob")
    assert complaints == []  # a blocked script or style, or a request to another host, would be one
    assert 'id="operations-jobs-readJob"' in page
    assert "Try it out" in page


@pytest.mark.server
def test_a_browser_complains_of_what_a_policy_forbids(tmp_path: Path, draw: Callable[..., Any]) -> None:
    """So the test before can fail."""
    page = tmp_path / "page.html"
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    page.write_text(f"{policy}<script>1</script><img src=http://127.0.0.1:1/x.png>")
    _, complaints = draw(page.as_uri())
    assert len([line for line in complaints if "Content Security Policy" in line]) == 2
