"""A library to a model file, in a process of its own; the only stage that needs scikit-learn."""
