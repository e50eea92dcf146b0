"""Who asks: session tokens of the identity provider, verified here and nowhere else."""
