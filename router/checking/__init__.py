"""What is wrong with a library, and what could be better: findings, explanations, fixes."""
