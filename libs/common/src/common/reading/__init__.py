"""Reading the upstream's answers, the same for every platform: one odd value costs itself only."""
