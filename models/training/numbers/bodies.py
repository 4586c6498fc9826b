"""The upper part of a player as a crop shows it: shirt, arms, helmet, what is before and behind; the number comes last.

Comes in: a numpy random generator, backgrounds. Goes out: a `Scene` being painted: colours, a map of where each digit
of the number still shows, and how much of each there would be were nothing hidden.
Never: decides whether a number can be read (`samples.py` does), blurs or compresses.
Lengths are in half widths of the torso, `unit` pixels each, around the middle of the back, leaning with it.
"""

import math

import cv2
import numpy

TALL = 144


class Scene:
    """BGR colours 0 to 255, [TALL, width, 3], and what became of the number's digits."""

    def __init__(self, background, random):
        self.random = random
        self.colours = background
        self.height, self.width = background.shape[:2]
        self.digits = numpy.zeros((self.height, self.width), numpy.uint8)
        self.wholes = []
        self.narrowness = []

    def pose(self, middle, unit, lean):
        """Where the torso is: pixels, pixels, degrees."""
        self.middle, self.unit = numpy.float32(middle), unit
        turn = math.radians(lean)
        self.axes = numpy.float32([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])

    def pixels(self, points):
        """Pixel places of points given in units of the torso."""
        return numpy.rint((numpy.float32(points) @ self.axes * self.unit + self.middle) * 8).astype(numpy.int32)

    def local(self):
        """Torso units of every pixel: x and y, [height, width] each."""
        x = numpy.arange(self.width, dtype=numpy.float32)[None] - self.middle[0]
        y = numpy.arange(self.height, dtype=numpy.float32)[:, None] - self.middle[1]
        (a, b), (c, d) = self.axes / self.unit
        return x * a + y * b, x * c + y * d

    def polygon(self, points, colour):
        """Paints over whatever is there."""
        places = [self.pixels(points)]
        cv2.fillPoly(self.colours, places, _tuple(colour), cv2.LINE_AA, 3)
        cv2.fillPoly(self.digits, places, 0, cv2.LINE_8, 3)

    def line(self, points, thick, colour):
        """A stroke `thick` units wide."""
        places, pixels = [self.pixels(points)], max(round(thick * self.unit), 1)
        cv2.polylines(self.colours, places, False, _tuple(colour), pixels, cv2.LINE_AA, 3)
        cv2.polylines(self.digits, places, False, 0, pixels, cv2.LINE_8, 3)

    def ellipse(self, middle, axes, colour, angle=0.0):
        """A filled ellipse, `angle` degrees from the torso's own lean."""
        turn = numpy.linspace(0, 2 * math.pi, 20)
        a = math.radians(angle)
        x, y = axes[0] * numpy.cos(turn), axes[1] * numpy.sin(turn)
        points = numpy.stack([middle[0] + x * math.cos(a) - y * math.sin(a), middle[1] + x * math.sin(a) + y * math.cos(a)], 1)
        self.polygon(points, colour)

    def sew(self, artwork, at, tall, turn, counted, bend=1.0, slope=0.0):
        """Sews artwork on the round back: `at` its middle, `turn` radians that the back is turned by."""
        random = self.random
        x, y = self.local()
        around = numpy.arcsin((x * bend).clip(-0.9999, 0.9999)) / bend - turn - at[0]
        scale = 96.0 / tall
        folds = clouds(self.height, self.width, int(random.integers(3, 7)), random) * random.uniform(0.0, 0.05)
        height, width = artwork.opacity.shape
        map_x = (width / 2 + (around + folds) * scale).astype(numpy.float32)
        map_y = (height / 2 + (y - at[1] + slope * around + folds) * scale).astype(numpy.float32)
        map_x[numpy.abs(x * bend) >= 0.999] = -1e4
        opacity = cv2.remap(artwork.opacity, map_x, map_y, cv2.INTER_LINEAR)
        colours = cv2.remap(artwork.colours, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mixed = self.colours + (colours - self.colours) * opacity[:, :, None]
        self.colours[:] = mixed
        if not counted:
            return
        self.digits = cv2.remap(artwork.digits, map_x, map_y, cv2.INTER_NEAREST)
        self.wholes, self.narrowness = [], []
        for digit in range(1, artwork.count + 1):
            columns = (artwork.digits == digit).sum(0)
            place = numpy.flatnonzero(columns)
            angle = ((place - width / 2) / scale + turn + at[0]) * bend
            shrunk = numpy.where(numpy.abs(angle) < math.pi / 2, numpy.cos(angle), 0)
            area = (self.unit / scale) ** 2
            self.wholes.append(columns[place].sum() * area)
            # Projected breadth of each digit against its breadth face on.
            self.narrowness.append((float(shrunk.mean()), float(shrunk.min()), len(place) * self.unit / scale,
                                    float((columns[place] * shrunk).sum() * area)))

    def shown(self):
        """For each digit the share of what faces the camera that nothing hides, least first and last."""
        return [float((self.digits == index + 1).sum()) / max(row[3], 1.0) for index, row in enumerate(self.narrowness)]


class Kit:
    """Colours of one team."""

    def __init__(self, random):
        base = random.choice(4, p=[0.3, 0.25, 0.3, 0.15])
        self.shirt = (
            random.uniform(190, 255) * numpy.exp(random.normal(0, 0.03, 3)) if base == 0 else
            random.uniform(5, 60, 3) if base == 1 else vivid(random) if base == 2 else random.uniform(0, 255, 3)
        ).clip(0, 255)
        self.second, self.third = other(self.shirt, random), other(self.shirt, random)
        self.pants = self.shirt * 0.8 if random.random() < 0.25 else other(self.shirt, random) * random.uniform(0.3, 1)
        self.helmet = numpy.full(3, random.choice([15, 40, 230])) if random.random() < 0.6 else self.shirt
        self.yoke = random.random() < 0.4
        self.bands = [(random.uniform(0.15, 0.9), random.uniform(0.06, 0.22)) for _ in range(random.integers(0, 4))]
        self.hem = random.uniform(0.05, 0.3) if random.random() < 0.6 else 0.0


def background(width, patches, random):
    """What is behind: ice mostly, boards, or a piece of a picture where nobody is."""
    if patches and random.random() < 0.45:
        patch = patches[random.integers(len(patches))]
        h, w = patch.shape[:2]
        size = random.uniform(0.3, 1.0)
        ph, pw = max(int(h * size), 8), max(int(w * size), 8)
        y, x = random.integers(0, h - ph + 1), random.integers(0, w - pw + 1)
        picture = cv2.resize(patch[y : y + ph, x : x + pw], (width, TALL), interpolation=cv2.INTER_LINEAR)
        return numpy.ascontiguousarray(picture).astype(numpy.float32)
    picture = numpy.empty((TALL, width, 3), numpy.float32)
    picture[:] = random.uniform(170, 245) * numpy.exp(random.normal(0, 0.03, 3))
    picture += clouds(TALL, width, int(random.integers(2, 7)), random)[:, :, None] * random.uniform(0, 12)
    if random.random() < 0.35:
        # Boards and glass above some row.
        y = int(random.uniform(0, 0.8) * TALL)
        picture[:y] = random.uniform(20, 255, 3)
        cv2.line(picture, (0, y), (width, y + int(random.normal(0, 6))), _tuple(vivid(random)), int(random.integers(2, 14)))
        for _ in range(random.integers(0, 3)):
            size = random.uniform(0.5, 2.5)
            text = "".join(chr(c) for c in random.integers(65, 91, random.integers(1, 5)))
            place = (int(random.uniform(-0.3, 0.9) * width), int(random.uniform(0, 1) * y))
            cv2.putText(picture, text, place, cv2.FONT_HERSHEY_DUPLEX, size, _tuple(random.uniform(0, 255, 3)), int(size * 3))
    for _ in range(random.integers(0, 2)):
        a, b = random.uniform(-0.2, 1.2, 2) * width, random.uniform(-0.2, 1.2, 2) * TALL
        cv2.line(picture, (int(a[0]), int(b[0])), (int(a[1]), int(b[1])), _tuple(vivid(random)), int(random.integers(1, 9)))
    return picture.clip(0, 255)


def torso(scene, kit, random, official=False):
    """Shirt, trousers and what of the arms is behind the shirt."""
    slim = random.uniform(0.8, 1.0)
    hem, shoulder = random.uniform(0.95, 1.6), random.uniform(0.85, 1.2)
    shade = random.uniform(0.75, 1.0)
    for side in (-1, 1):
        if random.random() < 0.75:
            arm(scene, kit, side, shade, random)
    scene.polygon([(-slim, hem * 0.9), (slim, hem * 0.9), (slim * 1.1, 4), (-slim * 1.1, 4)], kit.pants)
    outline = [(-0.35, -shoulder - 0.12), (0.35, -shoulder - 0.12), (0.8, -shoulder), (1.03, -shoulder * 0.7), (slim, 0.2),
               (slim * 1.04, hem), (-slim * 1.04, hem), (-slim, 0.2), (-1.03, -shoulder * 0.7), (-0.8, -shoulder)]
    scene.polygon(outline, kit.shirt)
    if official:
        step = random.uniform(0.14, 0.3)
        for x in numpy.arange(-1.0, 1.0, step):
            scene.line([(x, -shoulder), (x * slim, hem)], step * random.uniform(0.4, 0.6), kit.second)
    elif kit.yoke:
        deep = random.uniform(0.1, 0.45)
        scene.polygon([(-1.03, -shoulder * 0.7), (-0.8, -shoulder), (-0.35, -shoulder - 0.12), (0.35, -shoulder - 0.12), (0.8, -shoulder),
                       (1.03, -shoulder * 0.7), (0.6, -shoulder + deep), (-0.6, -shoulder + deep)], kit.second)
    if kit.hem:
        place = hem - random.uniform(0.0, 0.3) - kit.hem
        scene.polygon([(-slim * 1.03, place), (slim * 1.03, place), (slim * 1.04, place + kit.hem), (-slim * 1.04, place + kit.hem)], kit.second)
        if random.random() < 0.3:
            scene.line([(-slim, place - 0.1), (slim, place - 0.1)], 0.07, kit.third)
    return shoulder, hem


def arm(scene, kit, side, shade, random):
    """One arm from the shoulder, with its bands and glove."""
    start = numpy.float32([side * random.uniform(0.85, 1.0), random.uniform(-0.85, -0.5)])
    elbow = start + numpy.float32([side * random.uniform(-0.1, 0.75), random.uniform(0.5, 1.0)])
    hand = elbow + numpy.float32([side * random.uniform(-0.9, 0.5), random.uniform(-0.1, 0.9)])
    thick = random.uniform(0.35, 0.6)
    scene.line([start, elbow, hand], thick, kit.shirt * shade)
    for along, wide in kit.bands:
        a = start + (elbow - start) * along
        scene.line([a, a + (elbow - start) * wide], thick, (kit.second if along < 0.55 else kit.third) * shade)
    scene.ellipse(hand, (thick * 0.55, thick * 0.55), kit.pants * random.uniform(0.5, 1.2))


def head(scene, kit, shoulder, random):
    """Helmet, perhaps with hair or a tail below it."""
    middle = (random.normal(0, 0.25), -shoulder - random.uniform(0.2, 0.5))
    if random.random() < 0.3:
        scene.ellipse((middle[0], middle[1] + 0.35), (0.25, random.uniform(0.2, 0.5)), random.uniform(10, 120) * numpy.ones(3))
    scene.ellipse(middle, (random.uniform(0.3, 0.42), random.uniform(0.36, 0.5)), kit.helmet, random.normal(0, 20))


def cover(scene, kit, random):
    """Something before the player: stick, arm, another player, the top of the boards, a post."""
    kind = random.choice(5, p=[0.4, 0.25, 0.17, 0.13, 0.05])
    if kind == 0:
        a, b = random.normal(0, 1.3, 2), random.normal(0, 1.3, 2)
        away = (b - a) / max(float(numpy.hypot(*(b - a))), 0.1) * 2
        scene.line([a - away, b + away], random.uniform(0.04, 0.13), random.uniform(0, 255, 3) if random.random() < 0.4 else numpy.full(3, 25.0))
    elif kind == 1:
        arm(scene, kit, int(random.choice([-1, 1])), random.uniform(0.8, 1.1), random)
    elif kind == 2:
        rival = Kit(random)
        x = random.choice([-1, 1]) * random.uniform(0.7, 2.4)
        y = random.uniform(-0.6, 1.2)
        scene.polygon([(x - 0.9, y), (x + 0.9, y), (x + 1, y + 3), (x - 1, y + 3)], rival.shirt)
        scene.line([(x - 0.9, y + 0.2), (x - 1.3, y + 1.2)], 0.45, rival.shirt)
        scene.line([(x + 0.9, y + 0.2), (x + 1.3, y + 1.2)], 0.45, rival.second)
        scene.ellipse((x, y - 0.3), (0.4, 0.48), rival.helmet)
    elif kind == 3:
        y = random.uniform(-0.3, 1.6)
        scene.polygon([(-6, y), (6, y + random.normal(0, 0.15)), (6, 6), (-6, 6)], random.uniform(60, 255, 3))
        scene.line([(-6, y), (6, y)], random.uniform(0.05, 0.2), vivid(random))
    else:
        x = random.normal(0, 1)
        scene.line([(x, -5), (x, 5)], random.uniform(0.06, 0.3), random.uniform(0, 255, 3))


def light(scene, random):
    """Roundness and folds as light and dark."""
    x, _ = scene.local()
    side = random.uniform(-0.5, 0.5)
    turned = numpy.arcsin(x.clip(-0.99, 0.99)) - side
    strength = random.uniform(0.0, 0.35)
    shade = 1 - strength + strength * numpy.cos(turned)
    shade += clouds(scene.height, scene.width, int(random.integers(4, 10)), random) * random.uniform(0.0, 0.12)
    scene.colours = (scene.colours * shade[:, :, None]).clip(0, 255)


def clouds(height, width, cells, random):
    """Smooth noise of about `cells` bumps across, mostly within -1 to 1."""
    rows = max(cells + int(random.integers(-1, 4)), 2)
    return cv2.resize(random.normal(0, 0.7, (rows, cells)).astype(numpy.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def vivid(random):
    """A strong colour."""
    hsv = numpy.float32([[[random.uniform(0, 360), random.uniform(0.6, 1), random.uniform(0.35, 1)]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0] * 255


def other(colour, random):
    """A colour a team would put beside another: white, black or strong, well apart from it."""
    for _ in range(20):
        chance = random.random()
        new = numpy.full(3, random.uniform(200, 255)) if chance < 0.4 else numpy.full(3, random.uniform(5, 50)) if chance < 0.6 else vivid(random)
        if numpy.abs(new - colour).max() > 70:
            break
    return new


def _tuple(colour):
    return tuple(float(c) for c in colour)
