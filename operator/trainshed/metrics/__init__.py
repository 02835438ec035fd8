"""What the operator exports to Prometheus, and the one registry of every metric's name.

Reads the cache through a protocol and never writes to it. Knows no Kubernetes client.
"""
