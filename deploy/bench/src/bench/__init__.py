"""How fast the system is: what it does, beside floors, peers and the flow that it replaces, measured in turn."""
