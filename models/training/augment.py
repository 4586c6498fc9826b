"""One labelled picture to one training sample, never the same twice.

Comes in: `Picture`s and a numpy random generator. Goes out: `Sample`s of one size: another zoom, place, tilt, light,
colour, blur and compression, people of the film pasted in other shirts, sometimes four pictures in one.
Never: touches the network. Boxes mostly cut away or too small to see become ignored, not wrong.
"""

import math
from dataclasses import dataclass

import cv2
import numpy

from training.network import LABELS
from training.surroundings import dress, surround

PUCK = LABELS.index("puck")
# What of a box must stay inside the sample for it to be asked for.
KEPT_MIN = 0.35
# Smallest box asked for, in input pixels: height of a person, side of a puck.
PERSON_HEIGHT_MIN = 9.0
PUCK_SIDE_MIN = 1.6
# A person in the sample is this tall, input pixels, whatever the camera: least, most often, most.
PERSON_HEIGHTS = (11.0, 40.0, 220.0)
# How often a sample that looks at somebody looks at each label, were all of them in the picture.
FOCUS = {"skater": 0.4, "goalie": 0.25, "official": 0.2, "puck": 0.15}
# How often one pasted is of each label.
PASTED = {"skater": 0.65, "goalie": 0.12, "official": 0.23}
# A puck that a sample looks at is this large, input pixels.
PUCK_SIDES = (2.5, 9.0)
PAD = 114


@dataclass
class Sample:
    """RGB pixels [h, w, 3] and boxes as in `Picture`, in the sample's pixels."""

    pixels: numpy.ndarray
    boxes: numpy.ndarray
    ignored: numpy.ndarray
    pucks_known: bool


@dataclass
class Cutout:
    """One person of the film: BGR pixels, an opacity 0 to 1 and the label."""

    pixels: numpy.ndarray
    opacity: numpy.ndarray
    label: int


def cut_out(picture):
    """The people of a picture, freed from the ice around them."""
    pixels = picture.pixels()
    people = []
    for left, top, right, bottom, label in picture.boxes:
        width, height = right - left, bottom - top
        if label == PUCK or height < 90:
            continue
        margin = 12
        x0, y0 = max(int(left) - margin, 0), max(int(top) - margin, 0)
        x1, y1 = min(int(right) + margin, pixels.shape[1]), min(int(bottom) + margin, pixels.shape[0])
        crop = numpy.ascontiguousarray(pixels[y0:y1, x0:x1])
        mask = numpy.zeros(crop.shape[:2], numpy.uint8)
        box = (int(left) - x0, int(top) - y0, int(width), int(height))
        cv2.grabCut(crop, mask, box, numpy.zeros((1, 65)), numpy.zeros((1, 65)), 4, cv2.GC_INIT_WITH_RECT)
        person = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(numpy.uint8)
        person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, numpy.ones((5, 5), numpy.uint8))
        covered = person[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].mean()
        if covered < 0.3:
            continue  # white shirts on white ice: the cut went wrong
        x, y, w, h = cv2.boundingRect(person)
        opacity = cv2.GaussianBlur(person.astype(numpy.float32), (5, 5), 0)[y : y + h, x : x + w]
        people.append(Cutout(crop[y : y + h, x : x + w].copy(), opacity, int(label)))
    return people


class Augmenter:
    """Makes samples of `width` x `height` out of weighted groups of pictures."""

    def __init__(self, groups, cutouts, width, height):
        """`groups`: pairs of a weight and a list of pictures."""
        self.groups = [(weight, pictures) for weight, pictures in groups if weight > 0 and pictures]
        weights = numpy.array([weight for weight, _ in self.groups], numpy.float64)
        self.weights = weights / weights.sum()
        self.cutouts = cutouts
        # The film has one goalie and few officials: without this hardly one of them were pasted.
        chances = numpy.array([PASTED[LABELS[cutout.label]] for cutout in cutouts])
        chances /= numpy.array([sum(other.label == cutout.label for other in cutouts) for cutout in cutouts])
        self.chances = chances / chances.sum()
        self.width, self.height = width, height

    def sample(self, random):
        """A new sample."""
        if random.random() < 0.25:
            sample = self._mosaic(random)
        else:
            sample = self._view(random, self.width, self.height)
        surround(sample, self.cutouts, random)
        pixels = photograph(sample.pixels, random)
        if random.random() < 0.5:
            pixels = pixels[:, ::-1]
            for rows in (sample.boxes, sample.ignored):
                rows[:, [0, 2]] = self.width - rows[:, [2, 0]]
        sample.pixels = numpy.ascontiguousarray(pixels[:, :, ::-1])
        return sample

    def _mosaic(self, random):
        split_x = int(self.width * random.uniform(0.3, 0.7))
        split_y = int(self.height * random.uniform(0.3, 0.7))
        canvas = numpy.empty((self.height, self.width, 3), numpy.uint8)
        boxes, ignored, known = [], [], True
        for x0, x1 in ((0, split_x), (split_x, self.width)):
            for y0, y1 in ((0, split_y), (split_y, self.height)):
                part = self._view(random, x1 - x0, y1 - y0)
                canvas[y0:y1, x0:x1] = part.pixels
                shift = numpy.array([x0, y0, x0, y0], numpy.float32)
                part.boxes[:, :4] += shift
                boxes.append(part.boxes)
                ignored.append(part.ignored + shift)
                known &= part.pucks_known
        return Sample(canvas, numpy.concatenate(boxes), numpy.concatenate(ignored), known)

    def _view(self, random, width, height):
        _, pictures = self.groups[random.choice(len(self.groups), p=self.weights)]
        picture = pictures[random.integers(len(pictures))]
        # Samples look at somebody more often than chance would have it, and sometimes at nothing.
        box = self._focus(random, picture) if len(picture.boxes) and random.random() < 0.8 else None
        zoom = self._zoom(random, picture, box)
        reduction = 4 if zoom < 0.25 else 2 if zoom < 0.5 else 1
        source = picture.pixels(reduction)
        full_width, full_height = source.shape[1] * reduction, source.shape[0] * reduction
        if box is not None:
            focus = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        else:
            focus = (random.uniform(0, full_width), random.uniform(0, full_height))
        aim = (width * random.uniform(0.15, 0.85), height * random.uniform(0.15, 0.85))
        aim = tuple(_keep_filled(a, f, zoom, size, full) for a, f, size, full in
                    zip(aim, focus, (width, height), (full_width, full_height)))
        angle = random.normal(0, 3.0) if random.random() < 0.5 else 0.0
        stretch = math.exp(random.normal(0, 0.08))
        matrix = _affine(focus, aim, zoom, stretch, angle)
        scaled = matrix.copy()
        scaled[:, :2] *= reduction
        pixels = cv2.warpAffine(
            source, scaled, (width, height), flags=cv2.INTER_LINEAR if zoom * reduction > 0.6 else cv2.INTER_AREA,
            borderMode=cv2.BORDER_CONSTANT, borderValue=(PAD, PAD, PAD),
        )
        boxes, ignored = _carry(picture, matrix, width, height)
        if self.cutouts and random.random() < 0.5:
            boxes, ignored = self._paste(random, pixels, boxes, ignored)
        return Sample(pixels, boxes, ignored, picture.pucks_known)

    def _focus(self, random, picture):
        """A box of the picture, rare labels oftener than there are of them."""
        counts = numpy.bincount(picture.boxes[:, 4].astype(int), minlength=len(LABELS))
        weights = numpy.array([FOCUS[name] for name in LABELS]) * (counts > 0)
        label = random.choice(len(LABELS), p=weights / weights.sum())
        rows = picture.boxes[picture.boxes[:, 4] == label]
        return rows[random.integers(len(rows))]

    def _zoom(self, random, picture, box):
        if box is not None and box[4] == PUCK:
            side = max(float(box[2] - box[0]), 1.0)
            return float(numpy.clip(random.uniform(*PUCK_SIDES) / side, 0.3, 2.5))
        people = picture.boxes[picture.boxes[:, 4] != PUCK]
        tall = float(numpy.median(people[:, 3] - people[:, 1])) if len(people) else 150.0
        # Triangular in the logarithm: the ends seldom.
        wanted = math.exp(random.triangular(*(math.log(height) for height in PERSON_HEIGHTS)))
        return float(numpy.clip(wanted / tall, 0.12, 2.0))

    def _paste(self, random, pixels, boxes, ignored):
        height, width = pixels.shape[:2]
        people = boxes[boxes[:, 4] != PUCK]
        tall = float(numpy.median(people[:, 3] - people[:, 1])) if len(people) else min(height, width) * 0.25
        for _ in range(random.integers(1, 5)):
            cutout = self.cutouts[random.choice(len(self.cutouts), p=self.chances)]
            scale = tall * math.exp(random.normal(0, 0.2)) / cutout.pixels.shape[0]
            w, h = round(cutout.pixels.shape[1] * scale), round(cutout.pixels.shape[0] * scale)
            if h < PERSON_HEIGHT_MIN + 2 or w < 4 or w >= width or h >= height:
                continue
            x, y = int(random.integers(0, width - w)), int(random.integers(0, height - h))
            if not _is_ice(pixels, x, y, w, h):
                continue
            person = cv2.resize(dress(cutout.pixels, random), (w, h), interpolation=cv2.INTER_AREA)
            opacity = cv2.resize(cutout.opacity, (w, h), interpolation=cv2.INTER_AREA)
            if random.random() < 0.5:
                person, opacity = person[:, ::-1], opacity[:, ::-1]
            patch = pixels[y : y + h, x : x + w]
            mixed = patch + (person.astype(numpy.float32) - patch) * opacity[:, :, None]
            pixels[y : y + h, x : x + w] = mixed.astype(numpy.uint8)
            sides = numpy.array([[x, y, x + w, y + h]], numpy.float32)
            hidden = _covered(boxes[:, :4], sides[0])
            ignored = numpy.concatenate([ignored, boxes[hidden > 0.6][:, :4]])
            boxes = numpy.concatenate([boxes[hidden <= 0.6], numpy.append(sides[0], cutout.label)[None]])
        return boxes.astype(numpy.float32), ignored


def photograph(pixels, random):
    """Light, colour, blur, noise and compression of some other camera."""
    x = pixels.astype(numpy.float32)
    if random.random() < 0.8:
        gain = math.exp(random.normal(0, 0.25)) * numpy.exp(random.normal(0, 0.08, 3))
        x = 255 * (x * gain.astype(numpy.float32) / 255).clip(0, 1) ** math.exp(random.normal(0, 0.28))
        middle = float(x.mean())
        x = (x - middle) * random.uniform(0.6, 1.35) + middle + random.normal(0, 10)
    if random.random() < 0.25:
        # Other shirts, seats and boards: every colour turned round the wheel together.
        hsv = cv2.cvtColor(x.clip(0, 255) / 255, cv2.COLOR_BGR2HSV)
        hsv[:, :, 0] = (hsv[:, :, 0] + random.uniform(0, 360)) % 360
        x = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR) * 255
    if random.random() < 0.3:
        grey = x.mean(2, keepdims=True)
        x = grey + (x - grey) * random.uniform(0.0, 1.6)
    chance = random.random()
    if chance < 0.2:
        x = cv2.GaussianBlur(x, (0, 0), random.uniform(0.4, 1.4))
    elif chance < 0.35:
        x = cv2.filter2D(x, -1, _streak(int(random.integers(3, 9)), random.uniform(0, math.pi)))
    elif chance < 0.5:
        small = random.uniform(0.4, 0.8)
        shrunk = cv2.resize(x, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        x = cv2.resize(shrunk, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.3:
        x = x + random.normal(0, random.uniform(2, 9), x.shape).astype(numpy.float32)
    x = x.clip(0, 255).astype(numpy.uint8)
    if random.random() < 0.4:
        quality = int(random.integers(18, 90))
        x = cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return x


def _streak(length, angle):
    kernel = numpy.zeros((length, length), numpy.float32)
    middle = (length - 1) / 2
    along = numpy.linspace(-middle, middle, length * 3)
    rows = numpy.rint(middle + along * math.sin(angle)).astype(int).clip(0, length - 1)
    columns = numpy.rint(middle + along * math.cos(angle)).astype(int).clip(0, length - 1)
    kernel[rows, columns] = 1
    return kernel / kernel.sum()


def _keep_filled(aim, focus, zoom, size, full):
    """Moves the aim so that as little as may be of the sample lies outside the picture."""
    if full * zoom <= size:
        return aim
    return float(numpy.clip(aim, size - (full - focus) * zoom, focus * zoom))


def _affine(focus, aim, zoom, stretch, angle):
    turn = math.radians(angle)
    sx, sy = zoom * stretch, zoom / stretch
    a, b = sx * math.cos(turn), -sy * math.sin(turn)
    c, d = sx * math.sin(turn), sy * math.cos(turn)
    return numpy.array(
        [[a, b, aim[0] - a * focus[0] - b * focus[1]], [c, d, aim[1] - c * focus[0] - d * focus[1]]], numpy.float64
    )


def _move(sides, matrix):
    """Boxes through the matrix: around the turned box's ellipse, which fits a person better than around its corners."""
    centre = (sides[:, :2] + sides[:, 2:4]) / 2
    half = (sides[:, 2:4] - sides[:, :2]) / 2
    moved = centre @ matrix[:, :2].T + matrix[:, 2]
    turned = numpy.sqrt((half**2) @ (matrix[:, :2] ** 2).T)
    return numpy.concatenate([moved - turned, moved + turned], 1)


def _carry(picture, matrix, width, height):
    sides = _move(picture.boxes[:, :4], matrix)
    limits = numpy.array([width, height, width, height], numpy.float32)
    inside = sides.clip(0, limits)
    area = numpy.prod(sides[:, 2:] - sides[:, :2], 1)
    kept = numpy.prod((inside[:, 2:] - inside[:, :2]).clip(0), 1) / area.clip(1e-6)
    size = inside[:, 2:] - inside[:, :2]
    puck = picture.boxes[:, 4] == PUCK
    large = numpy.where(puck, size.max(1) >= PUCK_SIDE_MIN, size[:, 1] >= PERSON_HEIGHT_MIN)
    asked = (kept >= KEPT_MIN) & large
    seen = (kept > 0) & ~asked
    boxes = numpy.concatenate([inside[asked], picture.boxes[asked, 4:]], 1).astype(numpy.float32)
    old = _move(picture.ignored, matrix).clip(0, limits)
    return boxes, numpy.concatenate([inside[seen], old]).astype(numpy.float32)


def _covered(sides, by):
    low = numpy.maximum(sides[:, :2], by[:2])
    high = numpy.minimum(sides[:, 2:], by[2:])
    area = numpy.prod(sides[:, 2:] - sides[:, :2], 1).clip(1e-6)
    return numpy.prod((high - low).clip(0), 1) / area


def _is_ice(pixels, x, y, w, h):
    """Whether the feet of a box would stand on something bright and nearly without colour."""
    ground = pixels[y + int(h * 0.85) : y + h, x : x + w].reshape(-1, 3).astype(numpy.int16)
    middle = numpy.median(ground, 0)
    return middle.min() > 120 and middle.max() - middle.min() < 50
