"""The built-in data sets and what is done to them before training. NumPy only."""
