"""Labelled tasks against a router: how good it is, and where its threshold belongs."""
