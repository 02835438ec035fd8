"""`python -m trainshed.cli`."""

from trainshed.cli import entry

entry.main()
