"""The models in Keras: shapes, first weights, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest

from trainshed_trainer import errors, schema

pytestmark = pytest.mark.tensorflow

IMAGE, CLIP = (3, 9, 14), (5, 3, 9, 14)
SHAPES = {"cnn": IMAGE, "cnn-attention": IMAGE, "lstm": CLIP, "cnn-lstm": CLIP}


def built(name: str, shape: tuple[int, ...], **params: Any) -> Any:
    import keras

    from trainshed_trainer.models.tensorflow import registry

    keras.utils.set_random_seed(0)
    asked = schema.read({"model": {"name": name, "params": params}}).model
    return registry.build(asked, shape, 7)


def inputs(shape: tuple[int, ...], *, samples: int = 2) -> Any:
    """Return random inputs of a shape that is told channels first."""
    import tensorflow as tf

    *frames, channels, height, width = shape
    return tf.random.stateless_normal((samples, *frames, height, width, channels), (0, 0))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("cnn", {}),
        ("cnn", {"channels": [4], "kernel": 1, "hidden": 8, "dropout": 0.5}),
        ("cnn", {"channels": [4, 8, 16], "kernel": 5}),
        ("cnn-attention", {}),
        ("cnn-attention", {"channels": [6], "heads": 3, "dropout": 0.5}),
        *[("lstm", {"cell": cell, "layers": 2, "dropout": 0.5}) for cell in ("lstm", "gru", "rnn")],
        *[("cnn-lstm", {"cell": cell, "channels": [4]}) for cell in ("lstm", "gru", "rnn")],
    ],
    ids=str,
)
def test_a_model_gives_a_logit_for_each_class(name: str, params: dict[str, Any]) -> None:
    model = built(name, SHAPES[name], **params)

    assert model(inputs(SHAPES[name]), training=True).shape == (2, 7)


@pytest.mark.parametrize("name", SHAPES)
def test_every_weight_that_learns_has_a_gradient(name: str) -> None:
    import tensorflow as tf

    model = built(name, SHAPES[name])

    with tf.GradientTape() as tape:
        found = tf.reduce_sum(model(inputs(SHAPES[name]), training=True) ** 2)
    gradients = tape.gradient(found, [each.value for each in model.trainable_variables])

    assert all(each is not None for each in gradients)


@pytest.mark.parametrize("name", SHAPES)
def test_weights_of_convolutions_and_linear_layers_begin_as_pytorch_has_them(name: str) -> None:
    import keras
    import numpy as np

    model = built(name, SHAPES[name], channels=[64, 64]) if "cnn" in name else built(name, CLIP)

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            kernel = layer.kernel.numpy()
            fan_in = kernel[..., 0].size
            if kernel.size > 2000:
                assert float(kernel.var()) == pytest.approx(1 / (3 * fan_in), rel=0.15)
                assert float(kernel.mean()) == pytest.approx(0, abs=0.02)
            assert layer.bias is None or not np.any(layer.bias.numpy())


def test_recurrent_weights_begin_glorot_uniform_orthogonal_and_open() -> None:
    import numpy as np

    cell = built("lstm", CLIP, hidden=32).layers[2].cell

    limit = (6 / (3 * 9 * 14 + 4 * 32)) ** 0.5
    recurrent = cell.recurrent_kernel.numpy()
    assert float(np.abs(cell.kernel.numpy()).max()) == pytest.approx(limit, rel=0.01)
    assert np.allclose(recurrent @ recurrent.T, np.eye(32), atol=1e-5)
    assert cell.bias.numpy().tolist() == [0.0] * 32 + [1.0] * 32 + [0.0] * 64


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_an_unrolled_layer_computes_what_keras_own_does(kind: str) -> None:
    import keras
    import numpy as np

    from trainshed_trainer.models.tensorflow import recurring

    own = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
    frames = np.random.default_rng(0).normal(size=(3, 5, 6)).astype(np.float32)
    ours, theirs = (
        recurring.CELLS[kind](4, return_sequences=True),
        own[kind](4, return_sequences=True),
    )
    ours.build(frames.shape)
    theirs.build(frames.shape)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        mine.assign(np.random.default_rng(1).normal(size=mine.shape))
        other.assign(mine)

    assert np.allclose(ours(frames), theirs(frames), atol=1e-6)


def test_batch_normalisation_computes_what_keras_own_does() -> None:
    import keras
    import numpy as np

    from trainshed_trainer.models.tensorflow import normalising

    maps = np.random.default_rng(0).normal(3, 2, size=(16, 4, 4, 6)).astype(np.float32)
    ours = normalising.BatchNormalisation()
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)

    assert np.allclose(ours(maps, training=True), theirs(maps, training=True), atol=1e-5)
    # As PyTorch, we keep the variance of what the batch is a sample of.
    unbiased = 16 * 16 / (16 * 16 - 1)
    kept = 0.9 + (theirs.moving_variance.numpy() - 0.9) * unbiased
    assert np.allclose(ours.moving_variance.numpy(), kept, atol=1e-5)
    theirs.moving_variance.assign(ours.moving_variance)
    assert np.allclose(ours(maps), theirs(maps), atol=1e-5)


def test_the_order_of_frames_matters() -> None:
    import numpy as np

    for name in ("lstm", "cnn-lstm"):
        model, clip = built(name, CLIP), inputs(CLIP)

        assert not np.allclose(model(clip), model(clip[:, ::-1]), atol=1e-3)


def test_attention_takes_from_every_position() -> None:
    import tensorflow as tf

    from trainshed_trainer.models.tensorflow import attending

    positions = tf.random.stateless_normal((1, 6, 64), (0, 0))
    layer = attending.SelfAttention(64, heads=4)
    layer.build(positions.shape)
    with tf.GradientTape() as tape:
        tape.watch(positions)
        first = tf.reduce_sum(layer(positions)[0, 0])

    assert bool(tf.reduce_all(tf.reduce_sum(tf.abs(tape.gradient(first, positions)), axis=2) > 0))


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("cnn", CLIP, "the model cnn takes images, but the data set has clips"),
        ("cnn-attention", CLIP, "set model.name to lstm or cnn-lstm"),
        ("lstm", IMAGE, "the model lstm takes clips, but the data set has images"),
        ("cnn-lstm", IMAGE, "set model.name to cnn or cnn-attention"),
        ("cnn", (1, 3, 8), "2 blocks halve 3x8 pixels to nothing"),
        ("cnn-lstm", (4, 1, 8, 3), "give model.params.channels fewer entries"),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_the_users_to_mend(
    name: str, shape: tuple[int, ...], said: str
) -> None:
    with pytest.raises(errors.ConfigurationError, match=said) as raised:
        built(name, shape)

    assert raised.value.reason == "InvalidSpec"
