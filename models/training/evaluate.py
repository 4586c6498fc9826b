"""How good a model file is, by the file alone, as an appliance would run it.

Comes in: the ONNX file, its entry in `registry.toml`, labelled pictures. Goes out: per picture what was found, missed
and false; precision, recall and AP at IoU 0.5 for people (whatever their label) and per label; milliseconds a picture.
Never: sees the split it is not asked for. People are matched once each, best score first.
"""

import argparse
import json
import math
import time
import tomllib
from pathlib import Path

import cv2
import numpy
import onnxruntime

from training.augment import PERSON_HEIGHT_MIN
from training.data import read_film, read_rendered
from training.network import LABELS

MATCH = 0.5
# People by their height in the network's input, pixels.
HEIGHTS = (9, 15, 20, 30, 45, 70, 1000)
# Rows looked at for doubles: a rink holds some twenty people, each answered by a dozen anchors.
ROWS_MAX = 400
PUCK = LABELS.index("puck")


class Model:
    """An ONNX file read as its registry entry says."""

    def __init__(self, path, entry, width=None, height=None, threads=1):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
        self.input, self.output = entry["input"], entry["output"]
        self.width = width or self.input["width"]
        self.height = height or self.input["height"]

    def tensor(self, pixels):
        """The letterboxed input and the scale that was used."""
        scale = min(self.width / pixels.shape[1], self.height / pixels.shape[0])
        w, h = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        canvas = numpy.full((self.height, self.width, 3), self.input["pad"], numpy.uint8)
        canvas[:h, :w] = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        x = canvas[:, :, ::-1].astype(numpy.float32) * self.input["scale"]
        x = (x - numpy.float32(self.input["mean"])) / numpy.float32(self.input["std"])
        return numpy.ascontiguousarray(x.transpose(2, 0, 1)[None], numpy.float32), scale

    def boxes(self, pixels, score_min):
        """Rows left, top, right, bottom, score, label in the picture's pixels, best first, doubles removed."""
        found = self.raw(pixels, score_min)
        return suppress(found[found[:, 4].argsort()[::-1]][:ROWS_MAX], self.output["overlap_max"])

    def raw(self, pixels, score_min):
        """The same unsorted, doubles and all."""
        tensor, scale = self.tensor(pixels)
        rows = self.session.run(None, {self.input["name"]: tensor})[0][0]
        label, score = rows[:, 4:].argmax(1), rows[:, 4:].max(1)
        kept = score >= score_min
        rows, label, score = rows[kept], label[kept], score[kept]
        sides = numpy.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1) / scale
        limits = [pixels.shape[1], pixels.shape[0]] * 2
        return numpy.column_stack([sides.clip(0, limits), score, label])


class Tiled(Model):
    """The picture in overlapping tiles of the input's size, each pixel one input pixel, and once as a whole."""

    # What neighbours share; a person no larger is whole in one of them.
    SHARED = 128

    def boxes(self, pixels, score_min):
        height, width = pixels.shape[:2]
        found = [self.raw(pixels, score_min)]
        for top in _starts(height, self.height, self.SHARED):
            for left in _starts(width, self.width, self.SHARED):
                rows = self.raw(pixels[top : top + self.height, left : left + self.width], score_min)
                # Whoever an inner edge cuts is left to the neighbour or the whole.
                cut = (rows[:, 0] < 2) & (left > 0) | (rows[:, 1] < 2) & (top > 0)
                cut |= (rows[:, 2] > self.width - 2) & (left + self.width < width)
                cut |= (rows[:, 3] > self.height - 2) & (top + self.height < height)
                found.append(rows[~cut] + [left, top, left, top, 0, 0])
        found = numpy.concatenate(found)
        return suppress(found[found[:, 4].argsort()[::-1]][: ROWS_MAX * 4], self.output["overlap_max"])


def _starts(full, size, shared):
    count = max(math.ceil((full - shared) / (size - shared)), 1)
    return [round(i * (full - size) / max(count - 1, 1)) if full > size else 0 for i in range(count)]


def overlaps(one, many):
    """IoU of a box with many."""
    low, high = numpy.maximum(one[:2], many[:, :2]), numpy.minimum(one[2:4], many[:, 2:4])
    common = numpy.prod((high - low).clip(0), 1)
    area = numpy.prod(many[:, 2:4] - many[:, :2], 1) + numpy.prod(one[2:4] - one[:2])
    return common / (area - common).clip(1e-6)


def suppress(found, overlap_max):
    """Keeps the best of boxes that lie on one another; people against people, pucks against pucks."""
    kept = []
    while len(found):
        best, rest = found[0], found[1:]
        kept.append(best)
        same_kind = (rest[:, 5] == PUCK) == (best[5] == PUCK)
        found = rest[~((overlaps(best, rest) > overlap_max) & same_kind)]
    return numpy.array(kept).reshape(-1, 6)


def match(found, truth, ignored):
    """For one kind of object: each found box is right (1), wrong (0) or nobody's business (-1)."""
    taken = numpy.zeros(len(truth), bool)
    verdicts = []
    for box in found:
        iou = numpy.where(taken, 0, overlaps(box, truth)) if len(truth) else numpy.zeros(0)
        if len(iou) and iou.max() >= MATCH:
            taken[iou.argmax()] = True
            verdicts.append(1)
        else:
            verdicts.append(-1 if len(ignored) and _inside(box, ignored) > 0.5 else 0)
    return numpy.array(verdicts, int)


def _inside(box, many):
    low, high = numpy.maximum(box[:2], many[:, :2]), numpy.minimum(box[2:4], many[:, 2:4])
    return (numpy.prod((high - low).clip(0), 1) / max(numpy.prod(box[2:4] - box[:2]), 1e-6)).max()


def average_precision(scores, verdicts, count):
    """Area under precision over recall, precision made monotone."""
    if count == 0:
        return float("nan")
    right = verdicts[numpy.argsort(-scores)]
    right = numpy.cumsum(right[right >= 0])
    precision = right / numpy.arange(1, len(right) + 1)
    precision = numpy.maximum.accumulate(precision[::-1])[::-1]
    return float(numpy.diff(right, prepend=0) @ precision / count)


def measure(model, pictures, score_min):
    """Figures over all pictures, and a row of counts per picture."""
    kinds = {"people": [label for label in range(len(LABELS)) if label != PUCK]}
    kinds.update({name: [label] for label, name in enumerate(LABELS)})
    gathered = {kind: ([], [], 0) for kind in kinds}
    per_picture, heights = [], []
    for picture in pictures:
        pixels = picture.pixels()
        scale = min(model.width / pixels.shape[1], model.height / pixels.shape[0])
        small = (picture.boxes[:, 3] - picture.boxes[:, 1]) * scale < PERSON_HEIGHT_MIN
        small &= picture.boxes[:, 4] != PUCK
        ignored = numpy.concatenate([picture.ignored, picture.boxes[small][:, :4]])
        boxes = picture.boxes[~small]
        found = model.boxes(pixels, 0.02)
        for kind, labels in kinds.items():
            if kind == "puck" and not picture.pucks_known:
                continue
            mine = found[numpy.isin(found[:, 5], labels)]
            truth = boxes[numpy.isin(boxes[:, 4], labels)]
            verdicts = match(mine, truth, ignored)
            scores, all_verdicts, count = gathered[kind]
            gathered[kind] = ([*scores, *mine[:, 4]], [*all_verdicts, *verdicts], count + len(truth))
            if kind == "people":
                sure = verdicts[mine[:, 4] >= score_min]
                right, wrong = int((sure == 1).sum()), int((sure == 0).sum())
                seen = match(truth, mine[mine[:, 4] >= score_min], ignored) == 1
                heights.append(numpy.column_stack([(truth[:, 3] - truth[:, 1]) * scale, seen]))
                per_picture.append((picture.name, len(truth), right, len(truth) - right, wrong))
    figures = {}
    for kind, (scores, verdicts, count) in gathered.items():
        scores, verdicts = numpy.array(scores), numpy.array(verdicts, int)
        sure = verdicts[scores >= score_min]
        right, wrong = int((sure == 1).sum()), int((sure == 0).sum())
        figures[kind] = {
            "truth": count,
            "recall": round(right / count, 3) if count else None,
            "precision": round(right / (right + wrong), 3) if right + wrong else None,
            "ap50": round(average_precision(scores, verdicts, count), 3) if count else None,
        }
    heights = numpy.concatenate(heights)
    by_height = {}
    for low, high in zip(HEIGHTS, HEIGHTS[1:]):
        inside = heights[(heights[:, 0] >= low) & (heights[:, 0] < high), 1]
        if len(inside):
            by_height[f"{low} to {high}"] = f"{inside.mean():.2f} of {len(inside)}"
    return figures, by_height, per_picture


def milliseconds(model, rounds=40):
    """Median and least time of the network alone on one picture; they differ where the machine has other work."""
    tensor = numpy.full((1, 3, model.height, model.width), 114, numpy.float32)
    times = []
    for _ in range(rounds + 3):
        began = time.perf_counter()
        model.session.run(None, {model.input["name"]: tensor})
        times.append((time.perf_counter() - began) * 1e3)
    return round(float(numpy.median(times[3:])), 1), round(min(times[3:]), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registry", type=Path, default=Path("registry.toml"))
    parser.add_argument("--model", type=Path, help="another ONNX file of the same layout")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--film", type=Path)
    parser.add_argument("--split", default="held_out", choices=("held_out", "train"))
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--size", nargs=2, type=int, default=(None, None), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--tiled", action="store_true", help="the picture in tiles of that size, and whole")
    parser.add_argument("--time", action="store_true", help="also time the network, one thread and two")
    options = parser.parse_args()
    entry = tomllib.loads(options.registry.read_text())["model"][0]
    path = options.model or options.registry.parent / entry["file"]
    model = (Tiled if options.tiled else Model)(path, entry, *options.size)
    score_min = entry["output"]["score_min"]
    sets = {}
    if options.film:
        sets[f"film, {options.split}"] = read_film(options.labels, options.film, options.split)
    if options.rendered:
        sets["rendered"] = read_rendered(options.rendered)
    for name, pictures in sets.items():
        figures, by_height, per_picture = measure(model, pictures, score_min)
        size = f"{model.width}x{model.height}{' tiled' if options.tiled else ''}"
        print(f"{name}, {len(pictures)} pictures at {size}, score at least {score_min}")
        for kind, row in figures.items():
            print(f"  {kind:9}", json.dumps(row))
        print("  recall by height", json.dumps(by_height))
        if name != "rendered":
            for picture, truth, right, missed, wrong in per_picture:
                print(f"  {picture:18} on the ice {truth:2}, found {right:2}, missed {missed}, false {wrong}")
    if options.time:
        for threads in (1, 2):
            median, least = milliseconds(Model(path, entry, *options.size, threads))
            print(f"{threads} threads: median {median} ms, least {least} ms")


if __name__ == "__main__":
    main()
