"""A person's commands: they read jobs, manifests, settings and registries, and show what they find.

Nothing here writes to a cluster or to a registry. Output is for a terminal, or JSON and YAML.
"""
