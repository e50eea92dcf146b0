"""The dashboard is one that Grafana understands, as far as its own types tell; Grafana itself is not run here."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
BOARD = FOLDER / "grafana" / "dashboards" / "creatorscout.json"
PYTHON = ROOT / ".venv-ship" / "bin" / "python"

Change = Callable[[dict[str, Any]], object]


def understood(board: Path) -> str:
    """What Grafana's types say of it, nothing if all is well."""
    if not PYTHON.exists():
        pytest.skip("grafana-foundation-sdk is not here: make alerts-check brings it")
    done = subprocess.run([PYTHON, FOLDER / "board.py", board], capture_output=True, text=True, check=False, cwd=FOLDER)
    assert done.stderr == ""
    return done.stdout


def test_grafanas_types_understand_all_of_it() -> None:
    assert understood(BOARD) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda board: board.update(timezon="utc"),
        lambda board: board["panels"][1].update(titel="x"),
        lambda board: board["panels"][1]["targets"][0].update(exp="up"),
        lambda board: board["panels"][1]["fieldConfig"]["defaults"].update(units="s"),
        lambda board: board["panels"][1]["options"]["legend"].update(plcement="right"),
    ],
)
def test_a_mistyped_name_is_noticed(change: Change, tmp_path: Path) -> None:
    board = json.loads(BOARD.read_text())
    change(board)
    changed = tmp_path / "board.json"
    changed.write_text(json.dumps(board))
    assert "lost" in understood(changed)


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(BOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_panels_ask_the_data_source_that_is_provisioned() -> None:
    provisioning = FOLDER / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "creatorscout.yml").read_text())["providers"]
    assert (source["uid"], source["type"], provider["type"]) == ("prometheus", "prometheus", "file")
    for panel in json.loads(BOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": source["type"], "uid": source["uid"]}


def test_the_collector_uses_what_it_defines_and_defines_what_it_uses() -> None:
    """The collector itself cannot be run here: at least no name leads nowhere."""
    given = yaml.safe_load((FOLDER / "collector.yaml").read_text())
    assert set(given) == {"receivers", "processors", "exporters", "extensions", "service"}
    [pipeline] = given["service"]["pipelines"].values()
    [exporter] = pipeline["exporters"]
    assert exporter == "${env:TRACES_EXPORTER:-debug}", "one of those that are defined, chosen by the environment"
    assert set(given["exporters"]) == {"debug", "otlphttp"}
    for kind in ("receivers", "processors"):
        assert set(pipeline[kind]) <= set(given[kind]), kind
    assert set(pipeline["receivers"]) == set(given["receivers"])
    assert pipeline["processors"] == ["memory_limiter", "batch"], "the limiter stands first"
    assert given["service"]["extensions"] == list(given["extensions"])
    assert given["receivers"]["otlp"]["protocols"] == {"http": {"endpoint": "0.0.0.0:4318"}}
