"""Labelled pictures, from the film and from the renderer, without any change to them.

Comes in: `labels/college-rink.json` with the film it names, and folders of the renderer (JPEG and `labels.jsonl`).
Goes out: `Picture`s, pixels read when asked for. Never: augments, scales or writes pictures.
Fails, naming the file, when a picture that a label names is not there.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy

from training.network import LABELS

# A rendered person shown to less than this part is neither right nor wrong to find.
VISIBLE_MIN = 0.35


@dataclass
class Picture:
    """One labelled picture: rows of `boxes` are left, top, right, bottom, label; of `ignored` only the four sides."""

    name: str
    boxes: numpy.ndarray
    ignored: numpy.ndarray
    pucks_known: bool
    path: Path | None = None
    encoded: numpy.ndarray | None = field(default=None, repr=False)
    held: dict = field(default_factory=dict, repr=False)

    def pixels(self, reduction=1):
        """BGR pixels; `reduction` 2 or 4 reads a picture that much smaller, and faster."""
        flag = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}[reduction]
        if self.encoded is None:
            return cv2.imdecode(numpy.fromfile(self.path, numpy.uint8), flag)
        # Film is few pictures, asked for again and again.
        if reduction not in self.held:
            self.held[reduction] = cv2.imdecode(self.encoded, flag)
        return self.held[reduction]


def read_film(labels, film, split):
    """Pictures of `split` ("train" or "held_out") that the labels file names, out of the folder `film`."""
    pictures = []
    for entry in json.loads(Path(labels).read_text())["pictures"]:
        if entry["split"] != split:
            continue
        path = Path(film) / entry["file"]
        pixels = _frame(path, entry["frame"]) if path.suffix == ".mp4" else cv2.imread(str(path))
        if pixels is None:
            raise FileNotFoundError(f"{path}: no such picture, or none at frame {entry['frame']}")
        boxes = [
            (b["x"], b["y"], b["x"] + b["w"], b["y"] + b["h"], LABELS.index(b["class"])) for b in entry["boxes"]
        ]
        pictures.append(
            Picture(
                name=f"{entry['file']}#{entry['frame']}",
                boxes=numpy.array(boxes, numpy.float32).reshape(-1, 5),
                ignored=numpy.zeros((0, 4), numpy.float32),
                pucks_known=False,
                # Held: film frames cannot be sought cheaply.
                encoded=cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 97])[1],
            )
        )
    return pictures


def read_rendered(folder):
    """Pictures of one run of `edge-agent simulate pictures`."""
    pictures = []
    for line in (Path(folder) / "labels.jsonl").read_text().splitlines():
        entry = json.loads(line)
        boxes, ignored = [], []
        for b in entry["boxes"]:
            sides = (b["x"], b["y"], b["x"] + b["w"], b["y"] + b["h"])
            if b["visible"] < VISIBLE_MIN:
                ignored.append(sides)
            else:
                boxes.append((*sides, LABELS.index(b["class"])))
        pictures.append(
            Picture(
                name=entry["file"],
                boxes=numpy.array(boxes, numpy.float32).reshape(-1, 5),
                ignored=numpy.array(ignored, numpy.float32).reshape(-1, 4),
                pucks_known=True,
                path=Path(folder) / entry["file"],
            )
        )
    return pictures


def _frame(path, index):
    film = cv2.VideoCapture(str(path))
    pixels = None
    for _ in range(index + 1):
        found, pixels = film.read()
        if not found:
            return None
    return pixels
