"""Hands and eyes of the fault suite in tests/faults: who is killed where, what must hold then, what was counted."""
