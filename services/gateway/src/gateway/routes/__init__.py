"""The handlers: read the request, ask common, answer. No rules of jobs, no SQL."""
