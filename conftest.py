"""Shared fixtures for all tests of the workspace: see local.testing."""

pytest_plugins = ["local.testing"]
