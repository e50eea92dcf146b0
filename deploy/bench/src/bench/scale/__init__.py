"""Jobs at once by one worker process and by several, and what holds them up."""
