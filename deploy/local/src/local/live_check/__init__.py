"""Whether the real upstream still answers in the shapes that are read."""
