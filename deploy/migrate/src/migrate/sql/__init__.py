"""The migrations' SQL, one file per revision."""
