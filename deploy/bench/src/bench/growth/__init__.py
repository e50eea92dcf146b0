"""What years of finished jobs cost the steps, the sweep and the lists of today."""
