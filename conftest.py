"""Shared fixtures for all tests of the workspace (see local.testing), and what tests tell at the end of a run."""

import pytest

pytest_plugins = ["local.testing"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests recorded under "told", in whatever process they ran."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    told = [value for report in reports for name, value in report.user_properties if name == "told"]
    if told:
        terminalreporter.section("told by tests")
        terminalreporter.write("".join(f"{line}\n" for line in told))
