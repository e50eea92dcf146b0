"""Steps per second of one worker process, beside a floor that sends the same messages and statements."""
