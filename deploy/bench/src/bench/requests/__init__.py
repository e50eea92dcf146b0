"""What frontends ask all the time, beside bare handlers."""
