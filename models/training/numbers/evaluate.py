"""How right `number-reader.onnx` is: on painted crops of fonts and a seed never trained on, and on the film, one by one.

Comes in: the ONNX file, the labels with the numbers a person read, the film, fonts; pictures of the renderer if given.
Goes out: tables. Read means a probability of at least `--score`; without it the least score at which fewer than one
in a hundred of the painted numbers read are wrong, and the film is looked at only with that.
Never: counts "unread" as wrong where something could be read; it is counted as not read.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy
import onnxruntime

from training.numbers import film, samples
from training.numbers.glyphs import FACES, HELD_OUT_FACES, Glyphs

WRONG_MAX = 0.01
# Fewer read than this prove nothing.
READ_MIN = 100


def answers(session, crops):
    """Probabilities [n, 101] of RGB crops [n, 96, 96, 3]."""
    rows = []
    for first in range(0, len(crops), 50):
        planes = numpy.stack(crops[first : first + 50]).transpose(0, 3, 1, 2).astype(numpy.float32)
        rows.append(session.run(None, {"crops": numpy.ascontiguousarray(planes)})[0])
    return numpy.concatenate(rows)


def tally(name, probabilities, numbers, either, score):
    """One line: how many could be read, were, rightly and wrongly."""
    best, read = probabilities[:, 1:].argmax(1), probabilities[:, 1:].max(1) >= score
    could = (numbers >= 0) & ~either
    wrong = read & (best != numbers)
    right = read & ~wrong
    print(
        f"{name}: {len(numbers)} crops, {could.sum()} readable, of them read rightly {(right & could).sum() / max(could.sum(), 1):.3f}; "
        f"all read {read.sum()}, wrong {wrong.sum()} ({wrong.sum() / max(read.sum(), 1):.4f}); "
        f"readable and read as something else {(wrong & could).sum()}, unreadable and read {(wrong & (numbers < 0)).sum()}"
    )


def least_score(probabilities, numbers):
    """The least score, in steps of 0.01 from 0.5, from which on fewer than `WRONG_MAX` of the read are wrong; 1 if none is."""
    best, highest = probabilities[:, 1:].argmax(1), probabilities[:, 1:].max(1)
    chosen = 1.0
    for score in numpy.arange(0.99, 0.49, -0.01):
        read = highest >= score
        if read.sum() < READ_MIN:
            continue
        if (best[read] != numbers[read]).mean() >= WRONG_MAX:
            break
        chosen = float(score)
    return round(chosen, 2)


def painted(glyphs, sources, seed, count):
    """Crops, numbers (-1 unread) and whether unread is right as well."""
    sources.glyphs = glyphs
    random = numpy.random.default_rng(seed)
    made = [samples.sample(sources, random) for _ in range(count)]
    return [m[0] for m in made], numpy.array([m[1] for m in made]), numpy.array([bool(m[2]) for m in made])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, help="a folder of the renderer that was not trained on")
    parser.add_argument("--fonts", type=Path, nargs="+", default=[Path("/usr/share/fonts")])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--score", type=float)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(options.model), settings, providers=["CPUExecutionProvider"])

    shirts, unread, patches = film.read(options.labels, options.film)
    sources = samples.Sources(None, shirts, unread, patches)
    sets = {
        "new seed": painted(Glyphs(options.fonts, FACES), sources, 90_001, options.count),
        "new seed, only fonts never trained on": painted(Glyphs(options.fonts, HELD_OUT_FACES, 0.0), sources, 90_002, options.count),
    }
    found = {name: answers(session, crops) for name, (crops, _, _) in sets.items()}
    score = options.score
    if score is None:
        score = least_score(numpy.concatenate(list(found.values())), numpy.concatenate([numbers for _, numbers, _ in sets.values()]))
    print("score", score)
    for name, (_, numbers, either) in sets.items():
        tally(name, found[name], numbers, either, score)
    if options.rendered:
        people = samples.read_people(options.rendered, 300)
        crops = [samples.rgb(samples.cut(pixels, box)) for pixels, box, _ in people]
        numbers = numpy.array([number for _, _, number in people])
        tally("renderer (whether readable is not known)", answers(session, crops), numbers, numbers >= 0, score)

    for entry in json.loads(options.labels.read_text())["pictures"]:
        if not entry["file"].endswith(".png"):
            continue
        pixels = cv2.imread(str(options.film / entry["file"]))
        crops = [samples.rgb(samples.cut(pixels, (b["x"], b["y"], b["w"], b["h"]))) for b in entry["boxes"]]
        for index, (box, row) in enumerate(zip(entry["boxes"], answers(session, crops))):
            best = int(row[1:].argmax())
            says = best if row[1 + best] >= score else "unread"
            truth = box.get("number", "unread")
            verdict = "right" if says == truth else "not read" if says == "unread" else "WRONG"
            print(f"| {entry['file'][:-4]} {index} | {box['class']} | {truth} | {says} | {best}: {row[1 + best]:.3f}, unread {row[0]:.3f} | {verdict} |")

    for count in (1, 8):
        crops = numpy.random.default_rng(1).random((count, 3, 96, 96), numpy.float32) * 255
        times = []
        for _ in range(60):
            start = time.perf_counter()
            session.run(None, {"crops": crops})
            times.append(time.perf_counter() - start)
        print(f"{count} crops at once, one thread: least {1000 * min(times) / count:.2f} ms each")


if __name__ == "__main__":
    main()
