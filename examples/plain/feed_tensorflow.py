"""A plain TensorFlow input pipeline, to compare trainshed's with: tf.data and its own operations.

`python feed_tensorflow.py FOLDER --size 64`: images, a folder a class, for some epochs, no model.
"""

import argparse
import json
import pathlib
import resource
import time

import tensorflow as tf

MEAN, DEVIATION = 0.45, 0.25


def load(path, label, size, antialias):
    pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    pixels = tf.image.resize(pixels, (size, size), antialias=antialias)
    pixels = tf.image.random_flip_left_right(pixels)
    most = size // 8
    padded = tf.pad(pixels, ((most, most), (most, most), (0, 0)), "SYMMETRIC")
    return tf.image.random_crop(padded, (size, size, 3)), label


def normalise(pixels, labels):
    return (pixels / 255 - MEAN) / DEVIATION, labels


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--antialias", action="store_true", help="resize as Pillow does")
    asked = parser.parse_args()

    paths = sorted(pathlib.Path(asked.folder).glob("*/*.jpg"))
    classes = sorted({path.parent.name for path in paths})
    labels = [classes.index(path.parent.name) for path in paths]
    began, before, samples = time.perf_counter(), cpu_seconds(), 0
    images = tf.data.Dataset.from_tensor_slices((list(map(str, paths)), labels))
    images = images.shuffle(len(paths)).map(
        lambda path, label: load(path, label, asked.size, asked.antialias),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    images = images.batch(asked.batch_size).map(normalise, num_parallel_calls=tf.data.AUTOTUNE)
    for _ in range(asked.epochs):
        for inputs, y in images.prefetch(tf.data.AUTOTUNE):
            samples += len(inputs)
            assert len(inputs) == len(y)
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - before
    print(json.dumps({"samples": samples, "seconds": seconds, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
