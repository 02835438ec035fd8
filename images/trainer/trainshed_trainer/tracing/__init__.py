"""Files by which a person looks into a run: TensorBoard's, and traces of some steps."""
