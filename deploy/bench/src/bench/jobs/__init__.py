"""Whole jobs, beside the sequential flow that they replace."""
