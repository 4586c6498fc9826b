"""Shirts of the film with their numbers taken off, people of it whose number nobody could read, and its empty ice.

Comes in: the labels file and the film, split "train" only. Goes out: `Shirt`s, crops without a number, patches without
people. Never: gives a digit of the film to training: where a number was, the shirt is mended from around it.
"""

from dataclasses import dataclass

import cv2
import numpy

from training.data import read_film

# (picture, box): middle, half width, half height of the number in parts of the box, and degrees it is tilted by.
NUMBERS = {
    ("hockey-1.png#0", 1): (0.28, 0.358, 0.20, 0.105, 5),
    ("hockey-1.png#0", 5): (0.72, 0.346, 0.22, 0.110, 0),
    ("hockey-1.png#0", 7): (0.52, 0.313, 0.18, 0.110, -8),
    ("hockey-1.png#0", 8): (0.554, 0.357, 0.15, 0.100, 0),
    ("hockey-3.mp4#0", 4): (0.41, 0.307, 0.22, 0.125, -6),
    ("hockey-3.mp4#4", 4): (0.475, 0.318, 0.22, 0.125, -6),
    ("hockey-3.mp4#16", 4): (0.385, 0.246, 0.20, 0.110, -8),
    ("hockey-3.mp4#12", 5): (0.655, 0.277, 0.16, 0.105, -12),
    ("hockey-3.mp4#16", 5): (0.66, 0.277, 0.16, 0.105, -10),
    ("hockey-3.mp4#12", 6): (0.62, 0.246, 0.24, 0.115, 20),
    ("hockey-3.mp4#16", 6): (0.585, 0.253, 0.24, 0.115, 20),
    ("hockey-3.mp4#4", 7): (0.53, 0.171, 0.30, 0.105, -17),
    ("hockey-3.mp4#12", 7): (0.51, 0.208, 0.30, 0.105, -12),
    ("hockey-3.mp4#16", 7): (0.47, 0.198, 0.30, 0.105, -12),
}
# Whose number shows in part: neither read nor unread.
DOUBTFUL = {("hockey-1.png#0", 4)} | {
    (f"hockey-3.mp4#{frame}", box) for frame in (0, 4, 8, 12, 16) for box in range(3, 8)
}


@dataclass
class Shirt:
    """A person of the film: BGR pixels with some margin, the box in them, and where the number was."""

    pixels: numpy.ndarray
    box: tuple
    middle: tuple
    half: tuple
    tilt: float


def read(labels, film):
    """Shirts, unread people as (pixels, box) and patches of ice and stands."""
    shirts, unread, patches = [], [], []
    for picture in read_film(labels, film, "train"):
        pixels = picture.pixels()
        for index, (left, top, right, bottom, _) in enumerate(picture.boxes):
            width, height = right - left, bottom - top
            x0, y0 = max(int(left - 0.15 * width), 0), max(int(top - 0.08 * height), 0)
            crop = pixels[y0 : int(top + 0.8 * height), x0 : int(right + 0.15 * width)].copy()
            box = (left - x0, top - y0, width, height)
            key = (picture.name, index)
            if key in NUMBERS:
                shirts.append(_mend(crop, box, NUMBERS[key]))
            elif key not in DOUBTFUL:
                unread.append((crop, box))
        patches += _empty(pixels, picture.boxes)
    return shirts, unread, patches


def _mend(crop, box, place):
    x, y, half_x, half_y, tilt = place
    middle = (box[0] + x * box[2], box[1] + y * box[3])
    half = (half_x * box[2], half_y * box[3])
    corners = cv2.boxPoints((middle, (2.1 * half[0], 2.1 * half[1]), tilt))
    mask = numpy.zeros(crop.shape[:2], numpy.uint8)
    cv2.fillPoly(mask, [numpy.rint(corners).astype(numpy.int32)], 255)
    # Only what differs from the shirt is mended, so that folds stay.
    shirt = numpy.median(crop[mask > 0].astype(numpy.float32), 0)
    apart = (numpy.abs(crop.astype(numpy.float32) - shirt).sum(2) > 45).astype(numpy.uint8) * 255
    mask = cv2.dilate(mask & apart, numpy.ones((5, 5), numpy.uint8))
    return Shirt(cv2.inpaint(crop, mask, 5, cv2.INPAINT_TELEA), box, middle, half, tilt)


def _empty(pixels, boxes, side=220):
    random = numpy.random.default_rng(7)
    patches = []
    for _ in range(200):
        y, x = random.integers(0, pixels.shape[0] - side), random.integers(0, pixels.shape[1] - side)
        apart = (boxes[:, 0] > x + side) | (boxes[:, 2] < x) | (boxes[:, 1] > y + side) | (boxes[:, 3] < y)
        if apart.all() and len(patches) < 25:
            patches.append(pixels[y : y + side, x : x + side].copy())
    return patches
