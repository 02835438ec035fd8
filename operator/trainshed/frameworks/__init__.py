"""One file a framework: the entry point of its built-in models and its environment. Pure."""
