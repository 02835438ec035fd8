"""`moving-digits`: clips of the real digits that cross textured ground in one of 8 directions.

A clip is made when it is asked for, from the seed and its number: any number of them needs no
memory. A scan in one split is never in the other, since its clips are one group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainshed_trainer.data import digits, resizing, sources

SIDE = 32
DIGIT = 16
FRAMES = 16
FASTEST = 2
"""In pixels a frame; the slowest moves one."""
GRAIN = 4
"""The ground's large patches in pixels; there are small ones of one pixel, too."""
PATCHES, SPECKS = 0.4, 0.1
"""How bright the ground is at most, of 1."""
DIRECTIONS = ("right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right")
STEPS = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)])


@dataclass(frozen=True, slots=True)
class MovingDigits:
    """Clips (frames, 1, 32, 32) with values 0 to 1; what leaves at a side enters at the other."""

    scans: sources.Pixels
    groups: sources.Numbers
    directions: sources.Numbers
    labels: sources.Numbers
    classes: tuple[str, ...]
    seed: int
    moments: sources.Numbers
    """The moment of each frame; from one moment to the next the digit moves once."""

    def title(self, number: int) -> str:
        """Return what a person calls a clip."""
        return f"clip {number}"

    def load(self, number: int) -> sources.Pixels:
        """Return a clip (frames, 1, 32, 32)."""
        random = np.random.default_rng((self.seed, number))
        speed = random.integers(1, FASTEST + 1)
        start = random.integers(0, SIDE, 2)
        ground = _ground(random)
        scan = self.scans[self.groups[number]]
        moved = self.moments[:, None] * STEPS[self.directions[number]] * speed
        places = ((start + moved)[:, :, None] + np.arange(DIGIT)) % SIDE
        covered = (places[:, 0, :, None] * SIDE + places[:, 1, None, :]).reshape(len(moved), -1)
        clip = np.repeat(ground.reshape(1, -1), len(moved), axis=0)
        under = np.take(ground, covered)
        np.put_along_axis(clip, covered, under + (1 - under) * scan.reshape(-1), axis=1)
        return clip.reshape(-1, 1, SIDE, SIDE)


def _ground(random: np.random.Generator) -> sources.Pixels:
    """Return ground (32, 32) of soft patches and specks."""
    patches = random.random((SIDE // GRAIN, SIDE // GRAIN), dtype=np.float32)
    specks = random.random((SIDE, SIDE), dtype=np.float32)
    return resizing.resize(patches, height=SIDE, width=SIDE) * PATCHES + specks * SPECKS


def read(*, samples: int, label: str, seed: int, frames: int | None, stride: int) -> MovingDigits:
    """Return the clips as a source; each scan is used once before any is used again."""
    found = digits.read()
    scans = resizing.resize(found.images[:, 0], height=DIGIT, width=DIGIT)
    random = np.random.default_rng(seed)
    order = random.permutation(len(scans))
    first = random.permutation(len(scans)) % len(DIRECTIONS)
    uses, position = np.divmod(np.arange(samples), len(scans))
    groups = order[position]
    directions = (first[position] + uses) % len(DIRECTIONS)
    by_digit = label == "digit"
    return MovingDigits(
        scans=scans,
        groups=groups,
        directions=directions,
        labels=found.labels[groups] if by_digit else directions,
        classes=digits.CLASSES if by_digit else DIRECTIONS,
        seed=seed,
        moments=np.arange(frames or FRAMES) * stride,
    )
