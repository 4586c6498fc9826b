"""What a training step is judged by.

Comes in: the detector's answers and the boxes of each sample. Goes out: one loss per step.
Anchors are given to boxes by how well they already answer (task-aligned assignment): `score^0.5 * iou^4`, the best
`CANDIDATES` inside each box. Scores learn the overlap they reach (quality focal loss); boxes learn by GIoU. A puck of two
pixels overlaps by luck, so pucks go by `nearness` instead. What label a person has is learned apart (cross entropy, rare
labels heavier), on the anchors that answer for somebody.
Never: picks an anchor outside its box; judges anchors inside an ignored box as empty.
"""

import torch
from torch.nn import functional

from training.network import LABELS, PERSON_LABELS, PRESENCE, STRIDES

CANDIDATES = 10
SCORE_POWER = 0.5
OVERLAP_POWER = 4.0
BOX_WEIGHT = 2.0
LABEL_WEIGHT = 0.5
LABEL_WEIGHTS = {"skater": 1.0, "goalie": 3.0, "official": 2.0}
PUCK_WEIGHT = 2.0
# Input pixels over which a puck's nearness falls to a third.
NEAR = 4.0
PUCK = LABELS.index("puck")


def anchors(shapes):
    """Centres [n, 2] and strides [n] of all anchors for feature shapes (h, w), in the detector's order."""
    centres, strides = [], []
    for (height, width), stride in zip(shapes, STRIDES):
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((height * width,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def flatten(answers):
    """The strides' answers in one row per anchor: logits [b, n, labels], sides [b, n, 4] as left, top, right, bottom."""
    centres, _ = anchors([logits.shape[2:] for logits, _ in answers])
    logits = torch.cat([logits.flatten(2).transpose(1, 2) for logits, _ in answers], 1)
    distances = torch.cat([d.flatten(2).transpose(1, 2) for _, d in answers], 1)
    sides = torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], -1)
    return logits, sides, centres


def overlap(a, b):
    """IoU and GIoU of boxes given by their sides, broadcast."""
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    size = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    common = size[..., 0] * size[..., 1]
    joined = area_a + area_b - common
    iou = common / joined.clamp(min=1e-6)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    around = (hull[..., 0] * hull[..., 1]).clamp(min=1e-6)
    return iou, iou - (around - joined) / around


def nearness(a, b):
    """1 for equal boxes, less the further apart in place and size (Wasserstein distance of their Gaussians)."""
    place = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    size = (a[..., 2:] - a[..., :2] - b[..., 2:] + b[..., :2]) / 2
    return torch.exp(-torch.sqrt((place**2 + size**2).sum(-1) + 1e-6) / NEAR)


@torch.no_grad()
def assign(scores, sides, centres, boxes, labels):
    """Which box each anchor answers for (-1: none) and the score it should give, for one sample."""
    count = len(centres)
    if len(boxes) == 0:
        return torch.full((count,), -1), torch.zeros(count)
    iou, _ = overlap(boxes[:, None], sides[None])
    puck = labels == PUCK
    if puck.any():
        iou[puck] = nearness(boxes[puck][:, None], sides[None])
    # A box smaller than the finest cell may hold no centre: let it have the cells about it.
    room = (1.5 * STRIDES[0] - (boxes[:, 2:] - boxes[:, :2])).clamp(min=0) / 2
    low, high = boxes[:, None, :2] - room[:, None], boxes[:, None, 2:] + room[:, None]
    inside = ((centres >= low) & (centres <= high)).all(-1)
    fit = scores[:, puck.long()].T.clamp(min=1e-4) ** SCORE_POWER * (iou + 1e-3) ** OVERLAP_POWER * inside
    best, index = fit.topk(min(CANDIDATES, count), 1)
    chosen = torch.zeros_like(inside)
    chosen.scatter_(1, index, best > 0)
    # An anchor wanted by several boxes goes to the one it overlaps most.
    owner = torch.where(chosen, iou + 1e-6, iou.new_zeros(())).max(0)
    matched = torch.where(owner.values > 0, owner.indices, -1)
    # The best anchor of a box is asked for that box's best overlap, the others in proportion to their fit.
    column = torch.arange(count)
    held = matched.clamp(min=0)
    mine = fit[held, column] * (matched >= 0)
    peak_fit = torch.zeros(len(boxes)).scatter_reduce(0, held, mine, "amax")
    peak_iou = torch.zeros(len(boxes)).scatter_reduce(0, held, iou[held, column] * (matched >= 0), "amax")
    wanted = mine / peak_fit[held].clamp(min=1e-9) * peak_iou[held]
    return matched, wanted


def loss(answers, samples):
    """Loss of a batch; `samples` give boxes, ignored boxes and whether their pucks are labelled."""
    logits, sides, centres = flatten(answers)
    presence, labels_said = logits.split((len(PRESENCE), len(PERSON_LABELS)), 2)
    scores = torch.sigmoid(presence.detach())
    targets = torch.zeros_like(presence)
    weights = torch.ones_like(presence)
    weights[:, :, PRESENCE.index("puck")] = PUCK_WEIGHT
    label_weights = logits.new_tensor([LABEL_WEIGHTS[name] for name in PERSON_LABELS])
    box_sum, label_sum, target_sum = logits.new_zeros(()), logits.new_zeros(()), 0.0
    for row, sample in enumerate(samples):
        boxes, labels = sample.boxes[:, :4], sample.boxes[:, 4].long()
        matched, wanted = assign(scores[row], sides[row].detach(), centres, boxes, labels)
        positive = (matched >= 0).nonzero().squeeze(1)
        if len(sample.ignored):
            low, high = sample.ignored[:, None, :2], sample.ignored[:, None, 2:]
            silent = ((centres > low) & (centres < high)).all(-1).any(0) & (matched < 0)
            weights[row, silent] = 0.0
        if not sample.pucks_known:
            weights[row, :, PRESENCE.index("puck")] = 0.0
        if len(positive) == 0:
            continue
        owner, worth = matched[positive], wanted[positive]
        label = labels[owner]
        puck = label == PUCK
        targets[row, positive, puck.long()] = worth
        _, giou = overlap(sides[row, positive], boxes[owner])
        far = 1 - nearness(sides[row, positive], boxes[owner])
        box_sum = box_sum + (torch.where(puck, far + 0.2 * (1 - giou), 1 - giou) * worth.clamp(min=0.05)).sum()
        said, label, worth = labels_said[row, positive][~puck], label[~puck], worth[~puck]
        label_sum = label_sum + (functional.cross_entropy(said, label, label_weights, reduction="none") * worth).sum()
        target_sum += float(wanted[positive].sum())
    # Quality focal: the further from the wanted score, the more it counts.
    focus = (targets - scores).abs() ** 2
    score_sum = (functional.binary_cross_entropy_with_logits(presence, targets, reduction="none") * focus * weights).sum()
    scale = max(target_sum, 1.0)
    total = score_sum + BOX_WEIGHT * box_sum + LABEL_WEIGHT * label_sum
    return total / scale, *(part.detach().item() / scale for part in (score_sum, box_sum, label_sum))
