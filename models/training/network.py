"""The detector: a trimmed EfficientNet-Lite0 trunk, a small two-way feature pyramid and one head for three strides.

Comes in: a batch of RGB pictures as floats 0 to 255, height and width multiples of 32.
Goes out while training: per anchor, logits (person, puck, then one per label of a person) and the distances to the box's four sides in input pixels.
Goes out of `Exported`: one tensor [batch, anchors, 4 + classes], boxes as centre x, centre y, width, height in input
pixels, scores already through the sigmoid. Anchors run stride by stride (8, 16, 32), each row by row.
Never: reads pictures, picks thresholds or suppresses double boxes; that is the reader's work.
"""

import torch
from torch import nn

LABELS = ("skater", "goalie", "official", "puck")
# Each anchor says whether somebody or a puck is there, and, apart from that, what label a person has.
PRESENCE = ("person", "puck")
PERSON_LABELS = LABELS[:3]
STRIDES = (8, 16, 32)
MEAN = 127.0
DEVIATION = 128.0
PYRAMID_CHANNELS = 80

# EfficientNet-Lite0, stage by stage: output channels, expansion, kernel, stride, blocks kept. The published network has
# 3, 3 and 4 blocks in the last three stages; the ones left out are residual refinements that a rink's few kinds of
# object do not need, and they cost a fifth of the time.
STAGES = (
    (16, 1, 3, 1, 1),
    (24, 6, 3, 2, 2),
    (40, 6, 5, 2, 2),
    (80, 6, 3, 2, 2),
    (112, 6, 5, 1, 2),
    (192, 6, 5, 2, 2),
)
# Stages whose answers the pyramid takes: strides 8, 16, 32.
FEATURE_STAGES = (2, 4, 5)
PUBLISHED_BLOCKS = (1, 2, 2, 3, 3, 4)


def convolution(inputs, outputs, kernel=1, stride=1, groups=1, activate=True):
    """Convolution, batch normalisation and, unless told otherwise, ReLU6 (the trunk was trained with it)."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
    ]
    if activate:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Widen, filter each channel apart, narrow; added to its input where the shapes agree."""

    def __init__(self, inputs, outputs, expansion, kernel, stride):
        super().__init__()
        wide = inputs * expansion
        self.expand = convolution(inputs, wide) if expansion > 1 else nn.Identity()
        self.depthwise = convolution(wide, wide, kernel, stride, groups=wide)
        self.project = convolution(wide, outputs, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Trunk(nn.Module):
    """Features at strides 8, 16 and 32 (40, 112 and 192 channels)."""

    channels = (40, 112, 192)

    def __init__(self):
        super().__init__()
        self.stem = convolution(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        inputs = 32
        for outputs, expansion, kernel, stride, blocks in STAGES:
            stage = []
            for index in range(blocks):
                stage.append(InvertedResidual(inputs, outputs, expansion, kernel, stride if index == 0 else 1))
                inputs = outputs
            self.stages.append(nn.Sequential(*stage))

    def forward(self, x):
        return self.features(self.stem((x - MEAN) / DEVIATION))

    def features(self, x, first=0, last=None):
        """The features of the stages from `first` to before `last`, and what the last of them answers."""
        features = []
        for index, stage in list(enumerate(self.stages))[first:last]:
            x = stage(x)
            if index in FEATURE_STAGES:
                features.append(x)
        return features if last is None else (features, x)

    def load_imagenet(self, published):
        """Takes over ImageNet weights, a state dictionary in the published EfficientNet-Lite0's own names."""
        names = {}
        self._rename("_conv_stem", "_bn0", "stem", names)
        first = 0
        for stage, (row, blocks) in enumerate(zip(STAGES, PUBLISHED_BLOCKS)):
            for block in range(row[4]):
                old, new = f"_blocks.{first + block}.", f"stages.{stage}.{block}."
                if row[1] > 1:
                    self._rename(old + "_expand_conv", old + "_bn0", new + "expand", names)
                self._rename(old + "_depthwise_conv", old + "_bn1", new + "depthwise", names)
                self._rename(old + "_project_conv", old + "_bn2", new + "project", names)
            first += blocks
        self.load_state_dict({new: published[old] for old, new in names.items()}, strict=True)

    @staticmethod
    def _rename(old_convolution, old_norm, new, names):
        names[old_convolution + ".weight"] = new + ".0.weight"
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            names[f"{old_norm}.{part}"] = f"{new}.1.{part}"


def separable(channels):
    """A 5x5 filter per channel, then a mix of channels: wide view at little cost."""
    return nn.Sequential(convolution(channels, channels, 5, groups=channels), convolution(channels, channels))


class Pyramid(nn.Module):
    """Mixes the three strides, coarse to fine and back, so that each sees both detail and surroundings."""

    def __init__(self, channels):
        super().__init__()
        wide = PYRAMID_CHANNELS
        self.lateral = nn.ModuleList(convolution(c, wide) for c in channels)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.down = nn.ModuleList(convolution(wide, wide, 5, 2, groups=wide) for _ in range(2))
        self.top_down = nn.ModuleList(separable(wide) for _ in range(2))
        self.bottom_up = nn.ModuleList(separable(wide) for _ in range(2))

    def forward(self, features):
        fine, middle, coarse = (lateral(f) for lateral, f in zip(self.lateral, features))
        middle = self.top_down[0](middle + self.upsample(coarse))
        fine = self.top_down[1](fine + self.upsample(middle))
        middle = self.bottom_up[0](middle + self.down[0](fine))
        coarse = self.bottom_up[1](coarse + self.down[1](middle))
        return fine, middle, coarse


class Detector(nn.Module):
    """Trunk, pyramid and a head whose filters each stride has of its own."""

    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.pyramid = Pyramid(Trunk.channels)
        wide = PYRAMID_CHANNELS
        self.tower = nn.ModuleList(nn.Sequential(separable(wide), separable(wide)) for _ in STRIDES)
        self.classes = nn.ModuleList(nn.Conv2d(wide, len(PRESENCE) + len(PERSON_LABELS), 1) for _ in STRIDES)
        self.sides = nn.ModuleList(nn.Conv2d(wide, 4, 1) for _ in STRIDES)
        for classes, sides in zip(self.classes, self.sides):
            nn.init.normal_(classes.weight, std=0.01)
            # One anchor in a hundred is on an object: start there, or the first steps only unlearn false boxes.
            nn.init.constant_(classes.bias[: len(PRESENCE)], -4.6)
            nn.init.zeros_(classes.bias[len(PRESENCE) :])
            nn.init.normal_(sides.weight, std=0.01)
            nn.init.constant_(sides.bias, 1.0)

    def forward(self, x):
        """Per stride: logits [b, presence and labels, h, w] and distances left, top, right, bottom [b, 4, h, w] in pixels."""
        return self.answer(self.trunk(x))

    def answer(self, features):
        """The same from the trunk's features."""
        answers = []
        for index, feature in enumerate(self.pyramid(features)):
            y = self.tower[index](feature)
            distances = torch.exp(self.sides[index](y).clamp(-6.0, 6.0)) * STRIDES[index]
            answers.append((self.classes[index](y), distances))
        return answers


class Exported(nn.Module):
    """The detector with its answers decoded into the tensor that `registry.toml` declares."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def forward(self, pictures):
        rows = []
        for stride, (logits, distances) in zip(STRIDES, self.detector(pictures)):
            # Anchor centres by running sums over ones: no shape arithmetic, so the graph takes any size.
            ones = torch.ones_like(distances[:, :1])
            x = (torch.cumsum(ones, 3) - 0.5) * stride
            y = (torch.cumsum(ones, 2) - 0.5) * stride
            left, top, right, bottom = distances.split(1, 1)
            box = [x + (right - left) * 0.5, y + (bottom - top) * 0.5, left + right, top + bottom]
            person, puck, labels = logits.split((1, 1, len(PERSON_LABELS)), 1)
            # The likeliest label has the person's whole score: doubt about the label is none about the person.
            shares = torch.softmax(labels, 1)
            scores = torch.sigmoid(person) * shares / shares.amax(1, keepdim=True)
            rows.append(torch.cat([*box, scores, torch.sigmoid(puck)], 1).flatten(2))
        return torch.cat(rows, 2).transpose(1, 2)
