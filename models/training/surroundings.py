"""What stands around the ice and must not be taken for people on it: benches, crowds, and what a broadcast lays over.

Comes in: one sample in BGR with its boxes, people cut out of the film and a numpy random generator. Goes out: the sample
with bystanders or graphics painted in; boxes they hide are ignored, boxes they hide in part stay.
Never: adds a box. Everybody painted here is off the ice: half behind something or cut by the edge.
"""

import math
import string

import cv2
import numpy

# What of a box may be hidden before nobody could be asked to find it.
HIDDEN_MAX = 0.5
SKINS = ((140, 170, 215), (110, 145, 200), (80, 110, 160), (50, 70, 105))


def surround(sample, cutouts, random):
    """Adds at most one bench, one crowd and one set of graphics to the sample."""
    boxes = sample.boxes
    height = sample.pixels.shape[0]
    tall = float(numpy.median(boxes[:, 3] - boxes[:, 1])) if len(boxes) else height * random.uniform(0.1, 0.4)
    tall = float(numpy.clip(tall, 16, height * 0.6))
    if random.random() < 0.22:
        _near_bench(sample, cutouts, tall, random)
    if random.random() < 0.15:
        _crowd(sample, cutouts, tall, random)
    if random.random() < 0.25:
        _graphics(sample, random)


def dress(pixels, random):
    """The same person in another shirt: colours turned round the wheel, stronger or paler, lighter or darker."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV).astype(numpy.float32)
    if random.random() < 0.6:
        hsv[:, :, 0] = (hsv[:, :, 0] + random.uniform(0, 180)) % 180
    hsv[:, :, 1] *= random.uniform(0.3, 1.4)
    hsv[:, :, 2] = 255 * (hsv[:, :, 2] / 255) ** math.exp(random.normal(0, 0.3))
    return cv2.cvtColor(hsv.clip(0, 255).astype(numpy.uint8), cv2.COLOR_HSV2BGR)


def _near_bench(sample, cutouts, tall, random):
    """A dark place at the bottom, as seen from behind the near bench, and people in it who rise before the ice."""
    pixels = sample.pixels
    height, width = pixels.shape[:2]
    left, right = height * (1 - random.uniform(0.02, 0.35, 2))
    hidden = numpy.zeros((height, width), numpy.uint8)
    part = random.random() < 0.5
    x0, x1 = (0, width - 1) if not part else sorted(random.uniform(-0.2, 1.2, 2) * width)
    corners = numpy.array([[x0, height], [x0, left], [x1, right], [x1, height]], numpy.int32)
    cv2.fillPoly(hidden, [corners], 1)
    shade = numpy.float32(random.uniform(10, 90)) * numpy.exp(random.normal(0, 0.25, 3)).astype(numpy.float32)
    if random.random() < 0.2:
        shade = random.uniform(60, 230, 3).astype(numpy.float32)
    place = hidden == 1
    pixels[place] = (shade + _clouds(height, width, random)[:, :, None] * random.uniform(5, 25))[place].clip(0, 255)
    if random.random() < 0.7:
        trim = tuple(float(c) for c in random.uniform(0, 255, 3))
        start, end = (int(x0), int(left)), (int(x1), int(right))
        cv2.line(pixels, start, end, trim, max(1, int(tall * random.uniform(0.01, 0.06))), cv2.LINE_AA)
    middle = random.uniform(x0, max(x1, x0 + 1))
    for _ in range(random.integers(1, 8)):
        size = tall * math.exp(random.normal(0.25, 0.25))
        x = middle + random.normal(0, 1.5 * size)
        edge = left + (right - left) * (x - x0) / max(x1 - x0, 1)
        _bystander(pixels, hidden, cutouts, x, edge - random.uniform(0.0, 0.42) * size, size, random)
    if random.random() < 0.4:
        # The wall of the bench, before the people's legs.
        low = max(left, right) + (height - max(left, right)) * random.uniform(0.2, 0.8)
        cv2.rectangle(pixels, (int(x0), int(low)), (int(x1), height), tuple(float(c) for c in shade * 0.7), -1)
    _hide(sample, hidden)


def _crowd(sample, cutouts, tall, random):
    """Rows of people over the top of the sample, as far down as nobody is on the ice."""
    pixels = sample.pixels
    height, width = pixels.shape[:2]
    tops = numpy.concatenate([sample.boxes[:, 1], sample.ignored[:, 1]])
    bottom = int(min([height * random.uniform(0.15, 0.6), *tops]) - 3)
    if bottom < 14:
        return
    shade = random.uniform(10, 120, 3)
    band = pixels[:bottom]
    band[:] = (shade + _clouds(bottom, width, random)[:, :, None] * random.uniform(5, 30)).clip(0, 255)
    size = tall * random.uniform(0.5, 1.1)
    step, fullness = size * random.uniform(0.32, 0.5), random.uniform(0.2, 0.95)
    strip = numpy.zeros(band.shape[:2], numpy.uint8)
    y, row = -size * 0.2, 0
    while y < bottom and row < 14:
        places = numpy.arange(0, width, size * random.uniform(0.3, 0.5))[:40]
        for x in places:
            if random.random() < fullness:
                _bystander(band, strip, cutouts, x + random.normal(0, size * 0.05), y, size, random)
        y, row = y + step, row + 1
    board = int(min(size * random.uniform(0.25, 0.6), bottom))
    pixels[bottom - board : bottom] = random.uniform(90, 255, 3)
    if random.random() < 0.5:
        cv2.line(pixels, (0, bottom), (width, bottom), tuple(float(c) for c in random.uniform(0, 255, 3)), 2)


def _bystander(pixels, hidden, cutouts, x, top, size, random):
    """One person, `size` tall were all of him seen, his head's top at `top`; marked in `hidden`."""
    if cutouts and random.random() < 0.6:
        cutout = cutouts[random.integers(len(cutouts))]
        scale = size / cutout.pixels.shape[0]
        w, h = max(round(cutout.pixels.shape[1] * scale), 2), max(round(size), 3)
        person = cv2.resize(dress(cutout.pixels, random), (w, h), interpolation=cv2.INTER_AREA).astype(numpy.float32)
        opacity = cv2.resize(cutout.opacity, (w, h), interpolation=cv2.INTER_AREA)
        person *= random.uniform(0.5, 1.1)
        if random.random() < 0.5:
            person, opacity = person[:, ::-1], opacity[:, ::-1]
    else:
        w, h = max(round(size * 0.42), 3), max(round(size), 4)
        person, opacity = _drawn(w, h, random)
    x0, y0 = int(x - w / 2), int(top)
    left, up = max(x0, 0), max(y0, 0)
    right, down = min(x0 + w, pixels.shape[1]), min(y0 + h, pixels.shape[0])
    if right <= left or down <= up:
        return
    cut = numpy.s_[up - y0 : down - y0, left - x0 : right - x0]
    patch, mask = pixels[up:down, left:right], opacity[cut]
    pixels[up:down, left:right] = (patch + (person[cut] - patch) * mask[:, :, None]).clip(0, 255).astype(numpy.uint8)
    hidden[up:down, left:right] |= (mask > 0.5).astype(numpy.uint8)


def _drawn(w, h, random):
    """A spectator or member of staff in ellipses: coat, face, hair or cap."""
    person = numpy.empty((h, w, 3), numpy.float32)
    person[:] = random.uniform(10, 200, 3) * random.choice([0.35, 1.0])
    opacity = numpy.zeros((h, w), numpy.float32)
    head = max(h * random.uniform(0.06, 0.075), 1.0)
    cv2.ellipse(opacity, (w // 2, int(h * 0.5)), (max(int(w * 0.46), 1), int(h * 0.36)), 0, 0, 360, 1.0, -1)
    cv2.rectangle(opacity, (int(w * 0.1), int(h * 0.5)), (int(w * 0.9), h), 1.0, -1)
    centre, axes = (w // 2, int(head * 1.15)), (max(int(head * 0.8), 1), max(int(head * 1.1), 1))
    cv2.ellipse(opacity, centre, axes, 0, 0, 360, 1.0, -1)
    skin = numpy.array(SKINS[random.integers(len(SKINS))]) * random.uniform(0.6, 1.15)
    cv2.ellipse(person, centre, axes, 0, 0, 360, tuple(float(c) for c in skin), -1)
    hair = tuple(float(c) for c in random.uniform(5, 90, 3))
    cv2.ellipse(person, centre, axes, 0, 180 - 20, 360 + 20, hair, -1)
    return person, opacity


def _graphics(sample, random):
    """Score, clock and marks laid over the picture."""
    pixels = sample.pixels
    height, width = pixels.shape[:2]
    hidden = numpy.zeros((height, width), numpy.uint8)
    for _ in range(random.integers(1, 4)):
        w, h = int(width * random.uniform(0.06, 0.5)), int(height * random.uniform(0.03, 0.12))
        x = int(random.choice([width * 0.03, random.uniform(0, width - w), width * 0.97 - w]))
        y = int(random.choice([height * 0.03, height * 0.95 - h]))
        x, y = max(x, 0), max(y, 0)
        area = pixels[y : y + h, x : x + w]
        colour = random.uniform(0, 255, 3)
        area[:] = (area + (colour - area) * random.uniform(0.5, 1.0)).clip(0, 255)
        if random.random() < 0.5:
            cv2.rectangle(area, (0, 0), (int(w * random.uniform(0.2, 0.6)), h), tuple(random.uniform(0, 255, 3)), -1)
        letters = "".join(random.choice(list(string.ascii_uppercase + string.digits + " :-."), random.integers(2, 16)))
        ink = (255.0, 255.0, 255.0) if colour.mean() < 140 else (0.0, 0.0, 0.0)
        cv2.putText(area, letters, (2, int(h * 0.8)), int(random.integers(0, 8)), h / 32, ink, max(1, h // 14), cv2.LINE_AA)
        hidden[y : y + h, x : x + w] = 1
    _hide(sample, hidden)


def _hide(sample, hidden):
    """Boxes mostly under `hidden` are no longer asked for."""
    if not len(sample.boxes):
        return
    sums = cv2.integral(hidden)
    sides = numpy.rint(sample.boxes[:, :4]).astype(int)
    x0, x1 = (sides[:, c].clip(0, hidden.shape[1]) for c in (0, 2))
    y0, y1 = (sides[:, c].clip(0, hidden.shape[0]) for c in (1, 3))
    covered = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    lost = covered > HIDDEN_MAX * numpy.maximum((x1 - x0) * (y1 - y0), 1)
    # Wholly covered ones are gone; the rest might still be seen.
    unsure = lost & (covered < 0.9 * numpy.maximum((x1 - x0) * (y1 - y0), 1))
    sample.ignored = numpy.concatenate([sample.ignored, sample.boxes[unsure][:, :4]]).astype(numpy.float32)
    sample.boxes = sample.boxes[~lost]


def _clouds(height, width, random):
    """Soft unevenness of about -2 to 2."""
    coarse = random.normal(0, 1, (max(height // 24, 2), max(width // 24, 2))).astype(numpy.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
