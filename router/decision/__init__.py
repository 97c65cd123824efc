"""What a task is matched to, how surely, why, and what would change it."""
