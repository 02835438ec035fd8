"""Talks to the API server: the only package that does, and the only importer of kubernetes.

Knows objects as JSON and nothing of training. Everything raised here is an `errors.ApiError`.
"""
