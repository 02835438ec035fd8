"""The token service of the bundled registry: who may do what there, signed as it believes it.

Everything that arrives here is hostile until it is checked. Knows no Kubernetes client and no
cache: pods are found, and Secrets are written, by what is handed in.
"""
