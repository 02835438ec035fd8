"""`python -m hack.images`."""

from hack.images import cli

if __name__ == "__main__":
    cli.main()
