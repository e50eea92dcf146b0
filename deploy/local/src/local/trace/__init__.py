"""What our services record of themselves: a collector, and its spans as text."""
