"""One crop with its answer, never the same twice.

Comes in: glyphs, what the film and the renderer give, and a numpy random generator. Goes out: RGB pixels [96, 96, 3] and
two labels: the number whose probability counts (-1: none to be read) and whether "unread" counts as right as well.
Never: calls a number readable that a person could not read: a digit not whole, too small, too narrow, too blurred or
too pale makes it unread, and what lies between is taught as "this number or none".
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy

from training.augment import photograph
from training.numbers import bodies
from training.numbers.bodies import TALL, Kit, Scene
from training.numbers.glyphs import Artwork

SIDE = 96
# Rows of a person's box that a crop shows.
TOP, BOTTOM = 0.05, 0.65
READ, DOUBT, UNREAD = 0, 1, 2


@dataclass
class Sources:
    """What crops are made of besides paint. `people` are rendered: (pixels, box, number or -1)."""

    glyphs: object
    shirts: list = field(default_factory=list)
    unread: list = field(default_factory=list)
    patches: list = field(default_factory=list)
    people: list = field(default_factory=list)


def read_people(folder, limit, visible=0.85, tall=34):
    """People of `edge-agent simulate pictures` with their numbers, whether they can be read or not."""
    people = []
    for line in (Path(folder) / "labels.jsonl").read_text().splitlines()[:limit]:
        entry = json.loads(line)
        boxes = [b for b in entry["boxes"] if b["class"] != "puck" and b["visible"] >= visible and b["h"] >= tall]
        if not boxes:
            continue
        pixels = cv2.imread(str(Path(folder) / entry["file"]))
        for b in boxes:
            x0, y0 = max(int(b["x"] - 0.15 * b["w"]), 0), max(int(b["y"] - 0.08 * b["h"]), 0)
            crop = pixels[y0 : int(b["y"] + 0.8 * b["h"]), x0 : int(b["x"] + 1.15 * b["w"])].copy()
            number = -1 if b["class"] == "official" else b["number"]
            people.append((crop, (b["x"] - x0, b["y"] - y0, b["w"], b["h"]), number))
    return people


def sample(sources, random):
    """A new crop: RGB pixels, number or -1, whether unread is right as well."""
    chance = random.random()
    if chance < 0.12 and sources.people:
        pixels, box, number = sources.people[random.integers(len(sources.people))]
        return rgb(photograph(cut(pixels, box, random, 0.05), random)), number, number >= 0
    if chance < 0.18 and sources.unread:
        pixels, box = sources.unread[random.integers(len(sources.unread))]
        picture = cut(pixels, box, random, 0.08)
        if random.random() < 0.5:
            picture = picture[:, ::-1]
        return rgb(photograph(_smaller(picture, random), random)), -1, False
    if chance < 0.34 and sources.shirts:
        picture, number, verdict = _film_shirt(sources, random)
    else:
        picture, number, verdict = _painted(sources, random)
    return rgb(picture), -1 if verdict == UNREAD else number, verdict == DOUBT


def cut(pixels, box, random=None, jitter=0.0):
    """The upper part of a person's box, shaken by `jitter` of its size."""
    x, y, w, h = box
    shake = random.normal(0, jitter, 4) if random is not None else numpy.zeros(4)
    left, right = x + shake[0] * w, x + w + shake[1] * w
    top, bottom = y + (TOP + shake[2] * 0.6) * h, y + (BOTTOM + shake[3] * 0.6) * h
    left, top = max(round(left), 0), max(round(top), 0)
    return pixels[top : max(round(bottom), top + 4), left : max(round(right), left + 4)]


def _painted(sources, random):
    width = int(TALL * random.triangular(0.5, 0.8, 1.6))
    scene = Scene(bodies.background(width, sources.patches, random), random)
    unit = min(width * random.triangular(0.2, 0.31, 0.42), TALL * 0.42)
    lean = float(numpy.clip(random.normal(0, 17), -48, 48))
    middle = (width * (0.5 + random.normal(0, 0.06)), TALL * float(numpy.clip(random.normal(0.5, 0.07), 0.3, 0.68)))
    scene.pose(middle, unit, lean)
    kit = Kit(random)
    if random.random() < 0.12:
        # Somebody behind, perhaps with a number of his own: not this one's.
        scene.pose((middle[0] + random.choice([-1, 1]) * unit * random.uniform(1.3, 2.4), middle[1] + unit * random.normal(0, 0.3)), unit * 0.9, 0)
        bodies.torso(scene, Kit(random), random)
        if random.random() < 0.4:
            _sew(scene, sources.glyphs, int(random.integers(100)), kit, 0.9, random, False)
        scene.pose(middle, unit, lean)
    kind = random.choice(4, p=[0.82, 0.06, 0.07, 0.05])
    number = _number(random)
    official = kind == 3
    if official:
        kit.shirt, kit.second = (numpy.full(3, random.uniform(190, 255)), numpy.full(3, random.uniform(5, 50)))[:: int(random.choice([-1, 1]))]
    if official and random.random() < 0.15:
        kit.second = numpy.full(3, random.uniform(80, 170))  # far away stripes run into grey
    verdict = UNREAD
    gap = 0.0
    empty = random.random() < 0.04  # nobody there at all
    if not empty:
        shoulder, _ = bodies.torso(scene, kit, random, official)
        if kind == 0:
            gap = _sew(scene, sources.glyphs, number, kit, random.triangular(0.85, 1.2, 1.55), random, True)
            if random.random() < 0.35:
                _name(scene, kit, random)
        elif kind == 2:
            _front(scene, sources.glyphs, number, kit, random)
        if random.random() < 0.35 and not official:
            _sleeve(scene, sources.glyphs, number, kit, random)
        bodies.light(scene, random)
        if random.random() < 0.85:
            bodies.head(scene, kit, shoulder, random)
        while random.random() < 0.22:
            bodies.cover(scene, kit, random)
    tall = scene.number_tall if kind == 0 and not empty else 0.0
    picture, sharp = _camera(scene.colours, tall, gap, random)
    if kind == 0 and not empty:
        verdict = max(_whole(scene, picture.shape[0] / TALL), sharp)
    return picture, number, verdict


def _number(random):
    """0 to 99: single digits oftener than one in ten, so that both are learned."""
    return int(random.integers(10)) if random.random() < 0.22 else int(random.integers(10, 100))


def _sew(scene, glyphs, number, kit, tall, random, counted):
    """Sews the number on; gives how far its colour is from the shirt's."""
    fill = bodies.other(kit.shirt, random) if random.random() < 0.9 else kit.shirt * random.uniform(0.7, 1.3) + random.normal(0, 20, 3)
    fill = fill.clip(0, 255)
    rims = [bodies.other(fill, random) for _ in range(random.choice(3, p=[0.45, 0.4, 0.15]))]
    artwork = glyphs.draw(number, fill, rims, random)
    turned = random.random() < 0.3
    turn = float(numpy.clip(random.normal(0, 0.9 if turned else 0.22), -2.2, 2.2))
    at = (random.normal(0, 0.06), random.normal(0, 0.07))
    # Two digits are sewn smaller when the back has no room for them.
    tall = min(tall, 1.75 * 96 / max(artwork.opacity.shape[1] - 44, 1) * random.uniform(0.85, 1.0))
    scene.sew(artwork, at, tall, turn, counted, random.uniform(0.75, 1.0), random.normal(0, 0.1))
    if counted:
        scene.number_tall = tall * scene.unit
    weighed = numpy.float32([0.114, 0.587, 0.299]) * 1.6
    gap = float(numpy.abs((fill - kit.shirt) * weighed).sum())
    rim_gap = max((float(numpy.abs((rim - kit.shirt) * weighed).sum()) for rim in rims), default=0.0)
    return max(gap, 0.45 * rim_gap)


def _name(scene, kit, random):
    """A bar of letters above the number."""
    letters = "".join(chr(c) for c in random.integers(65, 91, random.integers(4, 10)))
    image = numpy.zeros((40, 20 * len(letters) + 10), numpy.uint8)
    cv2.putText(image, letters, (4, 30), cv2.FONT_HERSHEY_DUPLEX, 0.95, 255, int(random.integers(2, 5)))
    colours = numpy.empty((*image.shape, 3), numpy.float32)
    colours[:] = bodies.other(kit.shirt, random)
    kept, kept_digits = (scene.wholes, scene.narrowness), scene.digits
    art = _artwork(colours, image.astype(numpy.float32) / 255)
    scene.sew(art, (random.normal(0, 0.05), -random.uniform(0.68, 0.9)), random.uniform(0.35, 0.6), 0.0, False)
    (scene.wholes, scene.narrowness), scene.digits = kept, kept_digits


def _artwork(colours, opacity):
    """Artwork without digits."""
    return Artwork(colours, opacity, numpy.zeros(opacity.shape, numpy.uint8), 0)


def _front(scene, glyphs, number, kit, random):
    """What chests wear: a crest of rings, bars and letters, and sometimes a number too small for a back."""
    for _ in range(random.integers(1, 4)):
        colour = (kit.second, kit.third, bodies.vivid(random))[random.integers(3)]
        middle = random.normal(0, 0.12, 2)
        kind = random.integers(4)
        if kind == 0:
            size = random.uniform(0.25, 0.6)
            scene.ellipse(middle, (size, size * random.uniform(0.7, 1.2)), colour)
            scene.ellipse(middle, (size * 0.7, size * 0.6), kit.shirt)
        elif kind == 1:
            points = middle + random.normal(0, 0.45, (random.integers(3, 8), 2))
            scene.polygon(points, colour)
        elif kind == 2:
            image = numpy.zeros((60, 150), numpy.uint8)
            text = "".join(chr(c) for c in random.integers(65, 91, random.integers(1, 4)))
            face = int(random.choice([cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX]))
            cv2.putText(image, text, (8, 50), face, 1.9, 255, int(random.integers(3, 9)))
            colours = numpy.empty((*image.shape, 3), numpy.float32)
            colours[:] = colour
            scene.sew(_artwork(colours, image.astype(numpy.float32) / 255), middle, random.uniform(0.8, 2.2), random.normal(0, 0.5), False)
        else:
            scene.line([middle + random.normal(0, 0.4, 2) for _ in range(random.integers(2, 6))], random.uniform(0.08, 0.25), colour)
    if random.random() < 0.4:
        artwork = glyphs.draw(number, bodies.other(kit.shirt, random), [], random)
        scene.sew(artwork, (random.choice([-1, 1]) * random.uniform(0.35, 0.6), -random.uniform(0.3, 0.6)), random.uniform(0.2, 0.35), 0.0, False)
    for _ in range(2 if random.random() < 0.6 else 0):
        bodies.arm(scene, kit, int(random.choice([-1, 1])), random.uniform(0.85, 1.1), random)


def _sleeve(scene, glyphs, number, kit, random):
    """A small number on one shoulder or both: it is no back's number."""
    artwork = glyphs.draw(number, bodies.other(kit.shirt, random), [], random)
    for side in (-1, 1):
        if random.random() < 0.6:
            before = scene.digits
            at = (side * random.uniform(0.85, 1.25), -random.uniform(0.2, 0.75))
            scene.sew(artwork, at, random.uniform(0.28, 0.48), 0.0, False, 0.25)
            scene.digits = before


def _film_shirt(sources, random):
    """A shirt of the film with another number, or none, sewn where its own was."""
    shirt = sources.shirts[random.integers(len(sources.shirts))]
    crop = shirt.pixels
    grow = 2.0
    colours = cv2.resize(crop, None, fx=grow, fy=grow, interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.7:
        colours = _dress(colours, random)
    scene = Scene(colours.astype(numpy.float32), random)
    unit = shirt.half[1] * grow
    scene.pose((shirt.middle[0] * grow, shirt.middle[1] * grow), unit, shirt.tilt + random.normal(0, 3))
    box = tuple(value * grow for value in shirt.box)
    number = _number(random)
    gap = None
    if random.random() < 0.8:
        ground = scene.colours[int(scene.middle[1]) - 3 : int(scene.middle[1]) + 4, int(scene.middle[0]) - 3 : int(scene.middle[0]) + 4].mean((0, 1))
        fill = bodies.other(ground, random)
        rims = [bodies.other(fill, random) for _ in range(random.choice(3, p=[0.5, 0.4, 0.1]))]
        artwork = sources.glyphs.draw(number, fill, rims, random)
        tall = random.uniform(1.5, 2.1)
        breadth = (artwork.opacity.shape[1] - 44) * tall / 96
        room = 2.5 * shirt.half[0] / shirt.half[1] if number > 9 else 9.0
        squeeze = min(1.0, room / breadth)
        tall *= max(squeeze, 0.75)
        if squeeze < 0.75:
            artwork = _squeezed(artwork, squeeze / 0.75)
        scene.sew(artwork, random.normal(0, 0.12, 2), tall, random.normal(0, 0.12), True, 0.25, random.normal(0, 0.08))
        scene.number_tall = tall * unit
        gap = float(numpy.abs((fill - ground) * numpy.float32([0.114, 0.587, 0.299]) * 1.6).sum())
        kit = Kit(random)
        if random.random() < 0.25:
            bodies.cover(scene, kit, random)
        bodies.light(scene, random)
    shake = numpy.random.default_rng(random.integers(1 << 60))
    state = shake.bit_generator.state
    part = cut(scene.colours, box, shake, 0.04)
    shake.bit_generator.state = state
    scene.digits = cut(scene.digits, box, shake, 0.04)
    picture, sharp = _camera(part, scene.number_tall if gap is not None else 0.0, gap or 0.0, random, part.shape[0] / grow)
    if gap is None:
        return picture, number, UNREAD
    return picture, number, max(_whole(scene, picture.shape[0] / part.shape[0]), sharp)


def _squeezed(artwork, factor):
    size = (max(int(artwork.opacity.shape[1] * factor), 8), artwork.opacity.shape[0])
    return type(artwork)(
        cv2.resize(artwork.colours, size), cv2.resize(artwork.opacity, size),
        cv2.resize(artwork.digits, size, interpolation=cv2.INTER_NEAREST), artwork.count,
    )


def _dress(pixels, random):
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV).astype(numpy.float32)
    hsv[:, :, 0] = (hsv[:, :, 0] + random.uniform(0, 180)) % 180
    hsv[:, :, 1] *= random.uniform(0.3, 1.5)
    hsv[:, :, 2] = 255 * (hsv[:, :, 2] / 255) ** math.exp(random.normal(0, 0.35))
    return cv2.cvtColor(hsv.clip(0, 255).astype(numpy.uint8), cv2.COLOR_HSV2BGR)


def _whole(scene, zoom):
    """Whether every digit is turned to the camera far enough, in sight and wide enough; `zoom` is to the source."""
    verdict = READ
    for share, (narrow, edge, breadth, _) in zip(scene.shown(), scene.narrowness):
        wide = narrow * breadth * zoom
        if share < 0.72 or narrow < 0.3 or edge < 0.03 or wide < 2.0:
            return UNREAD
        if share < 0.9 or narrow < 0.45 or edge < 0.15 or wide < 3.2:
            verdict = DOUBT
    return verdict


def _camera(picture, number_tall, gap, random, tall_max=150.0):
    """Far away, out of focus, moving, dark, compressed: a uint8 picture as tall as the source, and whether that is too much."""
    tall = math.exp(random.uniform(math.log(24), math.log(max(min(tall_max, 150.0), 30.0))))
    tall = min(max(round(tall), 14), 150)
    zoom = tall / picture.shape[0]
    size = (max(round(picture.shape[1] * zoom), 8), tall)
    x = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR).astype(numpy.float32)
    digit = number_tall * zoom
    spread = 0.0
    chance = random.random()
    if chance < 0.3:
        spread = tall * random.uniform(0.003, 0.03)
        x = cv2.GaussianBlur(x, (0, 0), max(spread, 0.15))
    elif chance < 0.42:
        length = int(max(tall * random.uniform(0.02, 0.16), 2))
        spread = length / 3.0
        kernel = cv2.warpAffine(_bar(length), cv2.getRotationMatrix2D((length, length), random.uniform(0, 180), 1), (2 * length + 1,) * 2)
        x = cv2.filter2D(x, -1, kernel / kernel.sum())
    elif chance < 0.55:
        small = random.uniform(0.4, 0.9)
        spread = 0.45 / small
        fewer = cv2.resize(x, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        x = cv2.resize(fewer, size, interpolation=cv2.INTER_LINEAR)
    contrast = math.exp(random.normal(-0.12, 0.25))
    gain = numpy.exp(random.normal(0, 0.06, 3)).astype(numpy.float32)
    middle = float(x.mean())
    x = ((x - middle) * contrast + middle + random.normal(0, 14)) * gain
    if random.random() < 0.15:
        grey = x.mean(2, keepdims=True)
        x = grey + (x - grey) * random.uniform(0.0, 0.7)
        gap *= 0.85
    if random.random() < 0.12:
        x *= random.uniform(0.3, 0.7)
        contrast *= 0.6
    noise = random.uniform(1, 9) if random.random() < 0.4 else 0.0
    x += random.normal(0, 1, x.shape).astype(numpy.float32) * noise
    x = x.clip(0, 255).astype(numpy.uint8)
    quality = 100
    if random.random() < 0.6:
        quality = int(random.uniform(15, 92))
        x = cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    gap *= contrast
    if digit < 6 or spread > 0.2 * digit or gap < 14 + 2 * noise:
        return x, UNREAD
    if digit < 10 or spread > 0.1 * digit or gap < 45 + 2 * noise or (quality < 30 and digit < 16):
        return x, DOUBT
    return x, READ


def _smaller(picture, random):
    small = random.uniform(0.3, 1.0)
    return cv2.resize(picture, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)


def _bar(length):
    kernel = numpy.zeros((2 * length + 1,) * 2, numpy.float32)
    kernel[length, length - length // 2 : length + (length + 1) // 2] = 1
    return kernel


def rgb(picture):
    """What the network is fed of a BGR crop."""
    return stretch(picture)[:, :, ::-1]


def stretch(picture):
    """To the size the network is fed, shape not kept."""
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
