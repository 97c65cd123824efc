"""The text that a model is given."""
