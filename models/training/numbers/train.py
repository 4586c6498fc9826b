"""Trains the reader of numbers on crops that one worker makes while it learns.

Comes in: fonts, the film's labels and pictures (split "train"), pictures of the renderer, minutes to spend. Goes out: a
checkpoint with averaged weights, written every minute. Never: sees held-out film, held-out fonts or a digit of the film.
"""

import argparse
import copy
import json
import math
import multiprocessing
import time
from pathlib import Path

import cv2
import numpy
import torch

from training.numbers import film, samples
from training.numbers.glyphs import FACES, Glyphs
from training.numbers.network import Reader

CHUNK = 128
# Crops kept to learn from again; older ones are overwritten.
KEPT = 40_000
BATCH = 40
RATE = 2.5e-3
# Share of a batch that can be read for certain: what digits look like is learned from these alone.
READABLE = 0.55


def sources(options):
    """Everything crops are made of."""
    shirts, unread, patches = film.read(options.labels, options.film)
    people = samples.read_people(options.rendered, options.pictures) if options.rendered else []
    return samples.Sources(Glyphs(options.fonts, FACES), shirts, unread, patches, people)


def make(options, queue):
    """Chunks of crops, each from a seed of its own, until nobody has taken one for ten minutes."""
    cv2.setNumThreads(1)
    material = sources(options)
    chunk = 0
    while True:
        random = numpy.random.default_rng([options.seed, chunk])
        made = [samples.sample(material, random) for _ in range(CHUNK)]
        rows = numpy.stack([m[0] for m in made]), numpy.array([m[1:] for m in made], numpy.int64)
        queue.put(rows, timeout=600)
        chunk += 1


def loss(logs, labels):
    """What the right answers lack in probability. labels: number or -1, and whether unread is right as well."""
    number, either = labels[:, 0], labels[:, 1] > 0
    of_number = logs.gather(1, (number + 1)[:, None])[:, 0]
    both = torch.logaddexp(of_number, logs[:, 0])
    return -torch.where(either, both, of_number).mean()


def shake(pixels, random):
    """A crop seen before, a little elsewhere and in other light."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    count = len(x)
    gain = torch.from_numpy(numpy.exp(random.normal(0, 0.12, (count, 1, 1, 1))).astype(numpy.float32))
    shift = torch.from_numpy(random.normal(0, 10, (count, 3, 1, 1)).astype(numpy.float32))
    x = (x - 118) * gain + 118 + shift
    dx, dy = random.integers(-4, 5, 2)
    return torch.roll(x, (int(dy), int(dx)), (2, 3)).clamp(0, 255)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, help="folder of the renderer")
    parser.add_argument("--pictures", type=int, default=1600, help="pictures of it to use")
    parser.add_argument("--fonts", type=Path, nargs="+", default=[Path("/usr/share/fonts")])
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    queue = multiprocessing.Queue(8)
    multiprocessing.Process(target=make, args=(options, queue), daemon=True).start()

    reader = Reader().to(memory_format=torch.channels_last)
    if options.start:
        reader.load_state_dict(torch.load(options.start, weights_only=True)["average"])
    average = copy.deepcopy(reader)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=RATE, weight_decay=1e-2)
    pixels = numpy.empty((KEPT, samples.SIDE, samples.SIDE, 3), numpy.uint8)
    labels = numpy.empty((KEPT, 2), numpy.int64)
    made = 0
    random = numpy.random.default_rng(options.seed + 1)

    start, step, told, lost = time.monotonic(), 0, 0.0, []
    while (spent := (time.monotonic() - start) / 60 / options.minutes) < 1:
        while made < 8 * CHUNK or not queue.empty():
            places = numpy.arange(made, made + CHUNK) % KEPT
            pixels[places], labels[places] = queue.get()
            made += CHUNK
        kept = labels[: min(made, KEPT)]
        readable = (kept[:, 0] >= 0) & (kept[:, 1] == 0)
        count = round(BATCH * READABLE)
        rows = numpy.concatenate([
            random.choice(numpy.flatnonzero(readable), count), random.choice(numpy.flatnonzero(~readable), BATCH - count)
        ])
        rate = RATE * min(1.0, (step + 1) / 60) * 0.5 * (1 + math.cos(math.pi * spent))
        for group in optimiser.param_groups:
            group["lr"] = max(rate, 1e-5)
        x = shake(pixels[rows], random).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logs = reader(x)
        value = loss(logs.float(), torch.from_numpy(labels[rows]))
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 2.0)
        optimiser.step()
        step += 1
        decay = min(0.995, step / (step + 20))
        with torch.no_grad():
            for mean, new in zip(average.state_dict().values(), reader.state_dict().values()):
                if mean.dtype.is_floating_point:
                    mean.lerp_(new, 1 - decay)
                else:
                    mean.copy_(new)
        lost.append(value.item())
        if spent * options.minutes >= told + 1:
            told = spent * options.minutes
            report = {"minute": round(told, 1), "step": step, "made": made, "loss": round(float(numpy.mean(lost)), 4)}
            print(json.dumps(report), flush=True)
            lost = []
            torch.save({"average": average.state_dict(), **report}, options.out)
    torch.save({"average": average.state_dict(), "step": step, "made": made}, options.out)


if __name__ == "__main__":
    main()
