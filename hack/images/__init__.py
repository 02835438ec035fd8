"""Builds, pushes, checks and runs the product's container images on this machine."""
