"""TensorFlow as a backend of the loop."""

from trainshed_trainer.training.tensorflow.backend import open

__all__ = ["open"]
