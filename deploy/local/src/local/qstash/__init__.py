"""A stand-in for the QStash server, for development and tests: made from its public documentation and what the official
SDKs send and expect. Nothing outlives the process.
"""
