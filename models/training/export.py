"""Trained weights to the ONNX file that ships.

Comes in: a checkpoint of `train.py` (or none: the untrained network). Goes out: one ONNX file, opset 17, height and
width free (multiples of 32), batch 1. Fails when ONNX Runtime's answer is not PyTorch's.
"""

import argparse
import hashlib
from pathlib import Path

import numpy
import onnxruntime
import torch

from training.network import Detector, Exported

TOLERANCE = 1e-3


def export(detector, path, height=384, width=640):
    """Writes `path`, compares both runtimes on noise and gives the file's sha256."""
    network = Exported(detector).eval()
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)) * 255
    torch.onnx.export(
        network,
        (picture,),
        path,
        input_names=["pictures"],
        output_names=["boxes"],
        opset_version=17,
        dynamic_axes={"pictures": {2: "height", 3: "width"}, "boxes": {1: "anchors"}},
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for picture in (picture, torch.rand(1, 3, 544, 960) * 255):
        with torch.no_grad():
            expected = network(picture).numpy()
        answer = session.run(None, {"pictures": picture.numpy()})[0]
        worst = float((numpy.abs(answer - expected) / (1.0 + numpy.abs(expected))).max())
        if worst > TOLERANCE:
            raise SystemExit(f"exported network differs from the trained one by {worst:.1e} (limit {TOLERANCE:.0e})")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="checkpoint; without it the network is untrained")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    detector = Detector()
    if options.weights:
        detector.load_state_dict(torch.load(options.weights, weights_only=True)["average"])
    print(options.out, "sha256", export(detector, str(options.out)))


if __name__ == "__main__":
    main()
