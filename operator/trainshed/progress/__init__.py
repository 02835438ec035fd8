"""The HTTPS endpoint to which trainers push their progress, and the way to its leader.

Everything that arrives here is hostile until it is checked. Knows no Kubernetes client, no
cache and no metrics: they are handed in as callables and protocols.
"""
