"""A library in the formats of hosts that choose in context."""
