"""A built-in model's training as one plain Keras script, to compare trainshed's with.

`python train_tensorflow.py --model cnn`: digits; lstm and cnn_lstm take `--data clips.npz`.
"""

import argparse
import json
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Places(layers.Layer):
    def build(self, shape):
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.places = self.add_weight(shape=shape[1:], initializer=start)

    def call(self, x):
        return x + self.places


def blocks(x, channels, norm):
    for width in channels:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(norm()(x))
        x = layers.MaxPooling2D()(x)
    return x


def batch_norm():
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def layer_norm():
    return layers.LayerNormalization(epsilon=1e-5)


def build(name, shape, classes):
    inputs = keras.Input(shape)
    if name == "lstm":
        x = layers.LSTM(128)(layers.Reshape((shape[0], -1))(inputs))
    elif name == "cnn_lstm":
        # All frames as one batch: TimeDistributed applies the layers to one frame after another.
        x = blocks(keras.ops.reshape(inputs, (-1, *shape[1:])), (16, 32), batch_norm)
        x = layers.Dense(64)(layers.Flatten()(x))
        x = layers.LSTM(128)(keras.ops.reshape(x, (-1, shape[0], 64)))
    elif name == "cnn":
        x = layers.Flatten()(blocks(inputs, (32, 64), batch_norm))
        x = layers.Dense(128, activation="relu")(x)
    else:
        x = Places()(layers.Reshape((-1, 64))(blocks(inputs, (32, 64), layer_norm)))
        normed = layer_norm()(x)
        x = x + layers.MultiHeadAttention(num_heads=4, key_dim=16)(normed, normed)
        x = layers.Dense(128, activation="relu")(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(classes)(x))


def digits():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    x, y = found.images[:, None].astype("float32"), found.target
    x, held_x, y, held_y = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    mean, deviation = x.mean(), x.std()
    return (x - mean) / deviation, y, (held_x - mean) / deviation, held_y


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--data", help="npz of x, y, held_x, held_y; else scikit-learn's digits")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    keras.utils.set_random_seed(asked.seed)
    x, y, held_x, held_y = np.load(asked.data).values() if asked.data else digits()
    x, held_x = np.moveaxis(x, -3, -1), np.moveaxis(held_x, -3, -1)
    train = tf.data.Dataset.from_tensor_slices((x, y)).cache().shuffle(len(x))
    train = train.batch(asked.batch_size).prefetch(tf.data.AUTOTUNE)
    model = build(asked.model, x.shape[1:], len(np.unique(y)))
    # Keras leaves XLA to GPUs. On a CPU jit_compile=True makes attention's steps a quarter cheaper
    # and a cnn's dearer, and takes 8 s of it at first: a run of this length is over sooner without.
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    model.fit(train.take(1), verbose=0)
    first_step = time.time()
    model.fit(train, verbose=0)
    began = time.perf_counter()
    model.fit(train, epochs=asked.epochs - 1, verbose=0)
    seconds = time.perf_counter() - began

    accuracy = float(np.mean(model.predict(held_x, verbose=0).argmax(1) == held_y))
    samples = len(x) * (asked.epochs - 1)
    found = {"samples": samples, "seconds": seconds, "samples_per_second": samples / seconds}
    print(json.dumps({**found, "accuracy": accuracy, "first_step_time": first_step}))


if __name__ == "__main__":
    main()
