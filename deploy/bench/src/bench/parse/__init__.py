"""What it takes to read a page of the upstream's, beside reading its JSON and nothing else."""
