"""The router inside agent frameworks: a module for each, imported by whoever has the framework."""
