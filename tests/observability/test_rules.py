"""Every alert fires when it must and not just below, and leads to an entry in the runbook that leads back."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.prometheus import prometheus_program

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "rules.yml"
RUNBOOK = ROOT / "docs" / "runbook.md"
SEVERITIES = {"page", "ticket"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def promtool(*arguments: str) -> str:
    program = prometheus_program("promtool")
    if program is None:
        pytest.skip("promtool is not here: make alerts-check brings it")
    done = subprocess.run([program, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", "rules.yml")
    promtool("check", "config", "prometheus.yml")


def test_each_alert_fires_in_its_world_and_in_the_one_just_below_it_does_not() -> None:
    promtool("test", "rules", "rules_test.yml")


def test_each_alert_has_both_worlds() -> None:
    """One in which it fires, one that has data, and in which nothing fires."""
    fires: set[str] = set()
    quiet: set[str] = set()
    for world in yaml.safe_load((FOLDER / "rules_test.yml").read_text())["tests"]:
        [question] = world["promql_expr_test"]
        [name] = re.findall(r'alertname="(\w+)"', question["expr"])
        assert world["input_series"], world["name"]
        (fires if question["exp_samples"] else quiet).add(name)
    assert fires == quiet == set(alerts())


def test_each_alert_says_how_urgent_it_is_and_where_to_read_on() -> None:
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in SEVERITIES, name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}", name
        assert "for" in rule, name


def test_each_alert_has_its_entry_in_the_runbook_and_each_entry_its_alert() -> None:
    section = RUNBOOK.read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    entries = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL))
    assert set(entries) == set(alerts())
    for name, text in entries.items():
        severity = alerts()[name]["labels"]["severity"]
        assert f"({severity})" in text, name
        assert "- Look at: " in text, name
        assert "- Do: " in text, name
