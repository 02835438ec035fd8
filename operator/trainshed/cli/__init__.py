"""A person's commands: they read manifests, settings and registries, and show what would be done.

Nothing here writes to a cluster or to a registry. Output is for a terminal, or JSON and YAML.
"""
