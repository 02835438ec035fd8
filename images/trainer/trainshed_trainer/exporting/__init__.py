"""The trained model as files that need no training library: written, read back, compared, timed."""
