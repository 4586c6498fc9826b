"""Digits as they are sewn on shirts: one flat piece of artwork for one number.

Comes in: a number, colours and a numpy random generator; fonts from the folders given. Goes out: `Artwork`: colours,
opacity and, for judging later what is hidden, one mask per digit. Never: bends, blurs or places anything.
Half of the digits are drawn here, as the block digits of team shirts; half come from fonts with bold faces.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 96
# Bold faces of Debian's packages fonts-dejavu, -liberation, -freefont-ttf, -bebas-neue, -roboto-unhinted, -roboto-slab.
FACES = (
    "DejaVuSans-Bold", "DejaVuSansCondensed-Bold", "DejaVuSerif-Bold", "DejaVuSerifCondensed-Bold",
    "LiberationSans-Bold", "LiberationSansNarrow-Bold", "LiberationSerif-Bold", "FreeSansBold", "FreeSerifBold",
    "BebasNeue-Bold", "BebasNeue-Regular", "Roboto-Black", "RobotoCondensed-Bold", "RobotoSlab-Bold",
)
# Never trained on: fonts-lato, fonts-league-spartan, fonts-play, fonts-oxygen.
HELD_OUT_FACES = ("Lato-Black", "LeagueSpartan-Bold", "Play-Bold", "Oxygen-Sans-Bold")


@dataclass
class Artwork:
    """BGR colours [h, w, 3], opacity [h, w] 0 to 1, digits [h, w]: 0 none, 1 the tens or only digit, 2 the units."""

    colours: numpy.ndarray
    opacity: numpy.ndarray
    digits: numpy.ndarray
    count: int


class Glyphs:
    """Artwork of numbers in the faces found."""

    def __init__(self, folders, faces, blocks=0.5):
        """`folders` are searched for `faces`; `blocks` is the share of drawn block digits."""
        found = {path.stem: path for folder in folders for path in Path(folder).rglob("*.?tf")}
        missing = [face for face in faces if face not in found]
        if missing:
            raise FileNotFoundError(f"fonts not found: {', '.join(missing)}; install their packages or give --fonts")
        self.blocks = blocks
        self.faces = []
        for face in faces:
            font = ImageFont.truetype(str(found[face]), 128)
            self.faces.append([_font_digit(font, digit) for digit in range(10)])

    def draw(self, number, fill, rims, random):
        """`number` 0 to 99 in the BGR colour `fill`, with a rim for each colour of `rims`, inner first."""
        texts = [int(c) for c in str(number)]
        if random.random() < self.blocks:
            style = Block(random)
            masks = [style.digit(digit) for digit in texts]
        else:
            face = self.faces[random.integers(len(self.faces))]
            widen = random.uniform(0.85, 1.25)
            masks = [_fit(face[digit], widen) for digit in texts]
            if random.random() < 0.4:
                # Sewn digits are bolder than printed ones.
                masks = [cv2.dilate(mask, _disc(int(random.integers(1, 4)))) for mask in masks]
        gap = int(random.uniform(0.04, 0.22) * HEIGHT)
        margin = 22
        width = sum(mask.shape[1] for mask in masks) + gap * (len(masks) - 1) + 2 * margin
        whole = numpy.zeros((HEIGHT + 2 * margin, width), numpy.uint8)
        digits = numpy.zeros_like(whole)
        x = margin
        for place, mask in enumerate(masks):
            part = numpy.s_[margin : margin + mask.shape[0], x : x + mask.shape[1]]
            whole[part] = numpy.maximum(whole[part], mask)
            digits[part][mask > 128] = place + 1
            x += mask.shape[1] + gap
        layers = [(whole, fill)]
        grown = whole
        for rim in rims:
            grown = cv2.dilate(grown, _disc(int(random.integers(2, 6))))
            layers.append((grown, rim))
        if rims and random.random() < 0.2:
            # A shadow to one side, as on retro shirts.
            shift = numpy.float32([[1, 0, random.integers(-7, 8)], [0, 1, random.integers(2, 8)]])
            layers.append((cv2.warpAffine(grown, shift, grown.shape[::-1]), rims[-1]))
        colours = numpy.empty((*whole.shape, 3), numpy.float32)
        colours[:] = layers[-1][1]
        opacity = numpy.zeros(whole.shape, numpy.float32)
        for mask, colour in reversed(layers):
            share = mask.astype(numpy.float32)[:, :, None] / 255
            colours += (numpy.float32(colour) - colours) * share
            opacity = numpy.maximum(opacity, share[:, :, 0])
        if rims and random.random() < 0.06:
            opacity *= 1 - 0.9 * (cv2.erode(whole, _disc(2)).astype(numpy.float32) / 255)  # only the outline is sewn
        return Artwork(colours, opacity, digits, len(texts))


class Block:
    """One style of block digits: every digit of a number has the same strokes, corners and serifs."""

    def __init__(self, random):
        self.width = int(HEIGHT * random.uniform(0.5, 0.82))
        self.across = int(self.width * random.uniform(0.22, 0.36))
        self.down = int(min(self.across * random.uniform(0.75, 1.05), HEIGHT * 0.24))
        self.corner = int(self.width * random.uniform(0.08, 0.34))
        self.round = random.random() < 0.35
        self.serif = int(HEIGHT * random.uniform(0.03, 0.09)) if random.random() < 0.5 else 0
        self.foot = random.random() < 0.6
        self.waist = random.uniform(0.46, 0.54)
        self.terminal = random.uniform(0.02, 0.1)
        self.steep = random.uniform(0.25, 0.6)

    def digit(self, digit):
        """The digit's mask, `HEIGHT` tall."""
        mask = numpy.zeros((HEIGHT, self.width), numpy.uint8)
        getattr(self, ("_zero", "_one", "_two", "_three", "_four", "_five", "_six", "_seven", "_eight", "_nine")[digit])(mask)
        return mask[:, : int(self.width * 0.75)] if digit == 1 and not self.foot else mask

    def _panel(self, mask, x0, y0, x1, y1, corner, value=255):
        """A filled rectangle with cut or rounded corners."""
        corner = max(min(corner, (x1 - x0) // 2, (y1 - y0) // 2), 0)
        if self.round and corner > 1:
            turn = numpy.linspace(0, numpy.pi / 2, 5)
            arc = [(corner * (1 - numpy.cos(t)), corner * (1 - numpy.sin(t))) for t in turn]
        else:
            arc = [(0, corner), (corner, 0)]
        points = [(x0 + a, y0 + b) for a, b in arc]
        points += [(x1 - a, y0 + b) for a, b in reversed(arc)]
        points += [(x1 - a, y1 - b) for a, b in arc]
        points += [(x0 + a, y1 - b) for a, b in reversed(arc)]
        cv2.fillPoly(mask, [numpy.rint(points).astype(numpy.int32)], value)

    def _ring(self, mask, y0, y1):
        self._panel(mask, 0, y0, self.width - 1, y1, self.corner)
        inner = max(self.corner - self.across // 2, 0)
        self._panel(mask, self.across, y0 + self.down, self.width - 1 - self.across, y1 - self.down, inner, 0)

    def _bar(self, mask, x0, y0, x1, y1, value=255):
        cv2.rectangle(mask, (int(x0), int(y0)), (int(x1) - 1, int(y1) - 1), value, -1)

    def _middle(self):
        """Top and bottom of the waist's stroke."""
        top = int(HEIGHT * self.waist - self.down / 2)
        return top, top + self.down

    def _zero(self, mask):
        self._ring(mask, 0, HEIGHT - 1)

    def _one(self, mask):
        x = (self.width - self.across) // 2
        self._bar(mask, x, 0, x + self.across, HEIGHT)
        flag = int(self.across * 0.8)
        points = [(x, 0), (x - flag, self.down), (x - flag, self.down + self.serif + self.down // 2), (x, self.down + self.serif)]
        cv2.fillPoly(mask, [numpy.int32(points)], 255)
        if self.foot:
            self._bar(mask, x - flag, HEIGHT - self.down, x + self.across + flag, HEIGHT)

    def _two(self, mask):
        top, bottom = self._middle()
        self._ring(mask, 0, bottom)
        self._bar(mask, 0, self.down + self.terminal * HEIGHT, self.across + 1, HEIGHT, 0)
        self._bar(mask, 0, top, self.width - self.across, bottom, 0)
        points = [(self.width - 1, top), (self.width - 1, bottom), (self.across, HEIGHT - self.down),
                  (0, HEIGHT - self.down), (self.width - self.across * 1.2, top)]
        cv2.fillPoly(mask, [numpy.int32(points)], 255)
        self._bar(mask, 0, HEIGHT - self.down, self.width, HEIGHT)
        self._bar(mask, self.width - self.across * 0.6, HEIGHT - self.down - self.serif, self.width, HEIGHT)

    def _three(self, mask):
        top, bottom = self._middle()
        self._ring(mask, 0, bottom - 1)
        self._ring(mask, top, HEIGHT - 1)
        reach = self.down + self.terminal * HEIGHT
        self._bar(mask, 0, reach, self.across + 1, HEIGHT - reach, 0)
        self._bar(mask, 0, top, self.width * 0.35, bottom, 0)
        self._notch(mask, right_only=True)

    def _four(self, mask):
        stem = int(self.width * 0.85 - self.across)
        base = int(HEIGHT * 0.78)
        self._bar(mask, stem, 0, stem + self.across, HEIGHT)
        self._bar(mask, 0, base - self.down, self.width, base)
        cv2.fillPoly(mask, [numpy.int32([(stem - self.across * 0.2, 0), (stem + self.across, 0), (self.across, base - self.down),
                                         (0, base - self.down)])], 255)
        if self.foot and self.serif:
            self._bar(mask, stem - self.across * 0.5, HEIGHT - self.down * 0.7, self.width, HEIGHT)

    def _five(self, mask):
        top, bottom = self._middle()
        start = int(top - self.down * 0.3)
        self._ring(mask, start, HEIGHT - 1)
        self._bar(mask, 0, start + self.down, self.across + 1, HEIGHT - self.down - self.terminal * HEIGHT, 0)
        self._bar(mask, 0, 0, self.width, self.down)
        self._bar(mask, 0, 0, self.across * 0.9, bottom + self.serif)
        self._bar(mask, self.width - self.across * 0.6, 0, self.width, self.down + self.serif)

    def _six(self, mask):
        top = self._middle()[0]
        self._ring(mask, 0, HEIGHT - 1)
        self._panel(mask, 0, top, self.width - 1, HEIGHT - 1, self.corner)
        self._panel(mask, self.across, top + self.down, self.width - 1 - self.across, HEIGHT - 1 - self.down, self.corner // 2, 0)
        self._bar(mask, 0, HEIGHT * 0.35, self.across, HEIGHT * 0.7)
        reach = self.down + self.terminal * HEIGHT
        if top > reach:
            self._bar(mask, self.width - self.across - 1, reach, self.width, top, 0)

    def _seven(self, mask):
        self._bar(mask, 0, 0, self.width, self.down)
        self._bar(mask, 0, 0, self.across * 0.7, self.down + self.serif)
        foot = self.width * (1 - self.steep) * 0.45
        points = [(self.width - self.across * 1.1, self.down - 1), (self.width - 1, self.down - 1), (self.width - 1, self.down + 4),
                  (foot + self.across, HEIGHT), (foot, HEIGHT)]
        cv2.fillPoly(mask, [numpy.int32(points)], 255)

    def _eight(self, mask):
        top, bottom = self._middle()
        self._ring(mask, 0, bottom - 1)
        lower = numpy.zeros_like(mask)
        self._ring(lower, top, HEIGHT - 1)
        numpy.maximum(mask, lower, out=mask)
        self._notch(mask, right_only=False)

    def _nine(self, mask):
        self._six(mask)
        mask[:] = mask[::-1, ::-1].copy()

    def _notch(self, mask, right_only):
        """The bite at the waist of 3 and 8."""
        deep, y = max(self.across // 3, 1), int(HEIGHT * self.waist)
        tall = max(self.down // 2, 1)
        for x, inward in ((self.width - 1, -deep), (0, deep)):
            if x == 0 and right_only:
                continue
            cv2.fillPoly(mask, [numpy.int32([(x, y - tall), (x + inward, y), (x, y + tall)])], 0)


def _font_digit(font, digit):
    box = font.getbbox(str(digit))
    image = Image.new("L", (box[2] - box[0] + 2, box[3] - box[1] + 2))
    ImageDraw.Draw(image).text((1 - box[0], 1 - box[1]), str(digit), fill=255, font=font)
    return numpy.array(image)


def _fit(mask, widen):
    width = max(round(mask.shape[1] * HEIGHT / mask.shape[0] * widen), 6)
    return cv2.resize(mask, (width, HEIGHT), interpolation=cv2.INTER_AREA)


def _disc(radius):
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
