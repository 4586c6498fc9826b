"""The network that reads the number on a back.

Comes in: crops [n, 3, 96, 96], RGB 0 to 255. Goes out: in training, logarithms of probabilities; exported, probabilities
[n, 101]: column 0 that no number can be read, columns 1 to 100 for the numbers 0 to 99. Rows sum to 1.
Never: answers one digit of two as a number of its own by construction: tens may be "none", units may not.
"""

import torch
from torch import nn
from torch.nn import functional

# Mean and deviation of photographs, as for ImageNet.
MEAN, DEVIATION = 118.0, 58.0
WIDE = 96


def convolution(inputs, outputs, kernel=3, stride=1):
    """Convolution, batch norm (folded when exported) and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Reader(nn.Module):
    """Seven convolutions, then three looks at the 12x12 places: for the tens, the units and whether to read at all."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 24, 5, 2), convolution(24, 24), convolution(24, 48, 3, 2), convolution(48, 64),
            convolution(64, WIDE, 3, 2), convolution(WIDE, WIDE), convolution(WIDE, WIDE),
        )
        self.looks = nn.Conv2d(WIDE, 3, 1)
        self.tens = nn.Linear(WIDE, 10)
        self.units = nn.Linear(WIDE, 10)
        self.legible = nn.Sequential(nn.Linear(4 * WIDE, 48), nn.ReLU(inplace=True), nn.Linear(48, 1))

    def answers(self, x):
        """Logits: legible [n, 1], tens [n, 10] (0: there is none), units [n, 10]."""
        features = self.features((x - MEAN) / DEVIATION)
        shares = torch.softmax(self.looks(features).flatten(2), 2)
        seen = torch.matmul(shares, features.flatten(2).transpose(1, 2))
        tens, units, whole = seen[:, 0], seen[:, 1], seen.flatten(1)
        mean = features.mean((2, 3))
        return self.legible(torch.cat([whole, mean], 1)), self.tens(tens), self.units(units)

    def forward(self, x):
        """Logarithms of probabilities [n, 101]."""
        legible, tens, units = (logits.float() for logits in self.answers(x))
        numbers = functional.log_softmax(tens, 1).unsqueeze(2) + functional.log_softmax(units, 1).unsqueeze(1)
        return torch.cat([functional.logsigmoid(-legible), functional.logsigmoid(legible) + numbers.flatten(1)], 1)


class Exported(nn.Module):
    """The same as probabilities."""

    def __init__(self, reader):
        super().__init__()
        self.reader = reader

    def forward(self, crops):
        legible, tens, units = self.reader.answers(crops)
        read = torch.sigmoid(legible)
        numbers = torch.softmax(tens, 1).unsqueeze(2) * torch.softmax(units, 1).unsqueeze(1)
        return torch.cat([1 - read, numbers.flatten(1) * read], 1)
