"""Live events: whoever watches a job is told what happens to it, as it happens."""
