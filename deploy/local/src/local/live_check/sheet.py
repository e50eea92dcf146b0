"""A report as a table and the lines below it."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from common.engine.live_check import Endpoint, Finding, Report

HELD: Final = "held"


def findings_table(findings: Sequence[Finding]) -> Table:
    """A row per endpoint, in the order asked."""
    table = Table(title="What the upstream answered", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("platform", no_wrap=True)
    table.add_column("endpoint", overflow="fold")
    for name in ("status", "credits", "ms", "items", "unparsable"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("came", overflow="fold")
    table.add_column("shape", overflow="fold")
    for finding in findings:
        table.add_row(
            finding.endpoint.platform.value,
            Text(finding.endpoint.path),
            _number(finding.status),
            _number(finding.credits),
            _number(finding.milliseconds),
            _number(finding.item_count),
            _number(finding.unparsable_count),
            _shares(finding),
            _shape(finding),
        )
    return table


def lines_below(report: Report) -> Iterator[str]:
    """Why it stopped, what was left out, and the sum."""
    if report.stopped:
        yield f"Stopped: {report.stopped}. Nothing further was asked."
    for platform, endpoints in _by_platform(report.left_out).items():
        paths = ", ".join(endpoint.path for endpoint in endpoints)
        yield f"Left out, to stay cheap: {paths} (make live-check PLATFORM={platform} asks them)."
    calls = sum(finding.status is not None for finding in report.findings)
    held = sum(finding.wrong is None for finding in report.findings)
    credits_charged = sum(finding.credits or 0 for finding in report.findings)
    yield f"{held} of {len(report.findings)} shapes held; {calls} answers, {credits_charged} credits."


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _shape(finding: Finding) -> Text:
    shape = Text(HELD, style="green") if finding.wrong is None else Text(finding.wrong, style="red")
    for reason, count in finding.unread.items():
        shape.append(f"\n{count} unparsable: {reason}", style="dim")
    return shape


def _shares(finding: Finding) -> Text:
    """What lacks is red."""
    told = Text()
    for name, share in finding.shares.items():
        amount = "" if share.of == 1 and share.came else f" {share.came}/{share.of}"
        told.append(", " if told else "")
        told.append(f"{name.rpartition('.')[2]}{amount}", style="" if share.came else "red")
    return told


def _by_platform(endpoints: Sequence[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault(endpoint.platform.value, []).append(endpoint)
    return found
