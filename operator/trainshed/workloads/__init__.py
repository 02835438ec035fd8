"""The child objects of a TrainingJob as plain dictionaries, ready to be posted. Pure."""
