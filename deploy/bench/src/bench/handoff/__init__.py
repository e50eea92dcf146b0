"""From one step to the next through the stream."""
