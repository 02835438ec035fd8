"""The bench of image builds: ours beside engines that run a Dockerfile, on the real cluster."""
