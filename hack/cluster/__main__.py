"""`python -m hack.cluster`: the local cluster's command line."""

from __future__ import annotations

from hack.cluster import cli

if __name__ == "__main__":
    cli.main()
