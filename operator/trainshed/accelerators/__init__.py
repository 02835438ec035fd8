"""One file a kind of accelerator: what a pod asks for to get one. Pure."""
