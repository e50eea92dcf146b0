"""Hands and eyes of the fault suite (tests/faults): who is killed where, what must hold afterwards, what was counted."""
