"""Trained weights of the reader to the ONNX file that ships.

Comes in: a checkpoint of `train.py`. Goes out: one ONNX file, opset 17, any number of crops.
Fails when ONNX Runtime's answer is not PyTorch's or rows do not sum to 1.
"""

import argparse
import hashlib
from pathlib import Path

import numpy
import onnxruntime
import torch

from training.numbers.network import Exported, Reader

TOLERANCE = 1e-4


def export(reader, path):
    """Writes `path`, compares both runtimes on noise and gives the file's sha256."""
    network = Exported(reader).eval()
    torch.manual_seed(1)
    torch.onnx.export(
        network, (torch.rand(2, 3, 96, 96) * 255,), path, input_names=["crops"], output_names=["numbers"], opset_version=17,
        dynamic_axes={"crops": {0: "people"}, "numbers": {0: "people"}}, dynamo=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 7):
        crops = torch.rand(count, 3, 96, 96) * 255
        with torch.no_grad():
            expected = network(crops).numpy()
        answer = session.run(None, {"crops": crops.numpy()})[0]
        worst = max(float(numpy.abs(answer - expected).max()), float(numpy.abs(answer.sum(1) - 1).max()))
        if answer.shape != (count, 101) or worst > TOLERANCE:
            raise SystemExit(f"exported network differs from the trained one by {worst:.1e} (limit {TOLERANCE:.0e})")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    reader = Reader()
    reader.load_state_dict(torch.load(options.weights, weights_only=True)["average"])
    print(options.out, "sha256", export(reader, str(options.out)))


if __name__ == "__main__":
    main()
