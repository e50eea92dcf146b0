"""What it costs the gateway that many watch jobs live, and how soon they are told."""
