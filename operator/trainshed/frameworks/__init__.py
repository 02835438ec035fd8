"""One file a framework: how its built-in models start, how its processes meet. Pure."""
