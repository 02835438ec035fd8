"""`Run` as a callback of libraries that have a loop of their own; each module needs its library."""
