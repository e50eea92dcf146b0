"""`ship deploy-check`: everything that can be said of the manifests without a cluster and without a network."""

from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from ship import migration
from ship.manifest import tool
from ship.manifest.contract import ROOT, of_code
from ship.manifest.document import Manifest, RenderError, render
from ship.manifest.rule import faults
from ship.manifest.tool import Finding

OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"


def deploy_check() -> None:
    """Render every overlay and hold it against the schemas, the scanners and the code."""
    table = Table("overlay", "check", "verdict", title="deploy-check")
    red: list[str] = []
    for place, finding in _findings():
        verdict = f"skipped: {finding.skipped}" if finding.skipped else "ok" if finding.is_well else "FAILED"
        table.add_row(place, finding.check, verdict)
        red += [f"{place}: {finding.check}: {fault}" for fault in finding.faults]
    console = Console(width=120)
    console.print(table)
    for line in red:
        console.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{table.row_count} checks, {len(red)} faults")
    if red:
        raise typer.Exit(1)


def _findings() -> Iterator[tuple[str, Finding]]:
    for folder in sorted(path for path in OVERLAYS.iterdir() if path.is_dir()):
        for finding in of_overlay(folder):
            yield folder.name, finding
    for finding in tool.others():
        yield "-", finding
    yield "-", Finding("migrations", tuple(migration.find_faults()))


def of_overlay(folder: Path) -> Iterator[Finding]:
    """All checks of one overlay."""
    try:
        manifest = render(folder, tool.KUBECTL)
    except RenderError as error:
        yield Finding("kubectl kustomize", (str(error),))
        return
    yield Finding("kubectl kustomize")
    yield from of_manifest(manifest)


def of_manifest(manifest: Manifest) -> Iterator[Finding]:
    yield tool.kubernetes_schema(manifest, tool.OLDEST)
    yield tool.kubernetes_schema(manifest, tool.NEWEST)
    yield tool.keda(manifest)
    yield tool.checkov(manifest)
    for check, found in faults(manifest, of_code()).items():
        yield Finding(check, tuple(found))
