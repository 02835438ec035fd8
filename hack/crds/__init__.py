"""Writes crds/ from the API's models, or checks that it is up to date."""
