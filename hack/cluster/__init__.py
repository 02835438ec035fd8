"""The local cluster for the demo, the tests and the benchmarks.

Owns starting, loading and removing it. Must not know the operator: nothing here imports it.
"""
