"""How the system bears up: measured on the real processes, with invented data."""
