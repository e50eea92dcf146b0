"""What a process counts for Prometheus. One registry a process, made with its resources and handed on.

Labels are bounded: each value is a constant of ours (platform, state, reason), never an id, a path, a handle, an owner.
"""
