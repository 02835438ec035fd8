"""A real Kueue beside the local cluster, for the tests of queues."""
