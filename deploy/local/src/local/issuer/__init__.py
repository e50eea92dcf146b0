"""The issuer: mints session tokens as Clerk does and serves the keys that verify them.

Rule: it signs whatever it is asked for, so it is for loopback only; its keys are made at start and never kept.
"""
