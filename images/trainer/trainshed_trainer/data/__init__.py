"""Data sets: sources of samples, their division and preparation, and batches of them."""
