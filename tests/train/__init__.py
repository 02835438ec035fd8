"""Compares the built-in models' training with plain scripts, in the images of both frameworks."""
