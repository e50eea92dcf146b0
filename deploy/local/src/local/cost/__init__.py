"""What jobs cost: runs through the whole stack, measured, shown and judged."""
