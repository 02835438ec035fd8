"""Talks to image registries: tokens, blobs, manifests. Calls only the hosts that are allowed.

Knows nothing of Kubernetes, and never has a user's credentials.
"""
