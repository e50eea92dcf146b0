"""What it costs to take many creators out of the gateway as files, and what others notice of it."""
