"""Accepting a delivery of QStash's: the webhook, and a handler that does nothing else."""
