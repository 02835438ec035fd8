"""`python -m trainshed.cli`."""

from trainshed.cli import main

main.main()
