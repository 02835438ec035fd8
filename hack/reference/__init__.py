"""Writes docs/reference/trainingjob.md from the API's models, or checks that it is up to date.

Owns how a schema reads as Markdown. Must not know what any single field is for: every word
about a field comes from its model.
"""
