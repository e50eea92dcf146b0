"""Other engines that do our steps: how fast, and what becomes of a step when its worker is killed."""
