"""The resources as Python: what a person may write, what a person may read.

The pydantic models here are the one source of the CRDs, of the reference pages and of the
examples' check. This layer knows no other layer, no clock and no network.
"""
