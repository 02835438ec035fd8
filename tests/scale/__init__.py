"""`make bench-scale`: what the operator costs with many jobs, on nodes that are kwok's.

The API server, its etcd, the controllers and the scheduler are real; the nodes and what runs on
them are not. Figures go to build/bench.json, every round to build/bench/.
"""
