"""A folder of agents and prompts: read safely, rendered, parsed, checked; and added to."""
