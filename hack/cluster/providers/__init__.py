"""Where a cluster can come from, and which of the ways this machine offers."""
