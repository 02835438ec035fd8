"""What placement costs in a cluster of thousands of nodes. `make bench-placement`."""
