"""The built-in models in PyTorch: each module has `build(params, shape, classes)`."""
