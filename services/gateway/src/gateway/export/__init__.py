"""Results taken out as files, streamed: what the rows are, how each format writes them, how they are sent."""
