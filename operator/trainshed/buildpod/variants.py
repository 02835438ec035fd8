"""Distributions that bring the same modules under several names. Pure.

Whoever depends on one of them mostly names the plain one; a base has the one that fits its nodes.
"""

from __future__ import annotations

from collections.abc import Mapping

_STANDS_FOR: Mapping[str, tuple[str, ...]] = {
    "intel-tensorflow": ("tensorflow",),
    "onnxruntime-gpu": ("onnxruntime",),
    "opencv-contrib-python": ("opencv-python", "opencv-python-headless"),
    "opencv-contrib-python-headless": ("opencv-python", "opencv-python-headless"),
    "opencv-python": ("opencv-python-headless",),
    "opencv-python-headless": ("opencv-python",),
    "psycopg2-binary": ("psycopg2",),
    "tensorflow": ("tensorflow-cpu",),
    "tensorflow-cpu": ("tensorflow",),
    "tensorflow-rocm": ("tensorflow",),
}
"""What else one is, of the same version. A CPU's is none for a GPU."""


def known(packages: Mapping[str, str]) -> dict[str, str]:
    """Return a base's packages, and those that they stand for, where it has not both."""
    also = {
        name: version for each, version in packages.items() for name in _STANDS_FOR.get(each, ())
    }
    return {**also, **packages}
