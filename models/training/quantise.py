"""The float model to an eight-bit one of the same input and output, faster where the processor has such instructions.

Comes in: the ONNX file `export.py` wrote, its registry entry and pictures that were trained on. Goes out: an ONNX file
whose convolutions are eight-bit (QDQ, weights per channel); the last ones, which say boxes and scores, stay float.
Never: sees a held-out picture. Says nothing about being right or faster: `evaluate.py --model` does.
"""

import argparse
import hashlib
import tempfile
import tomllib
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.data import read_film, read_rendered
from training.evaluate import Model

FLOAT_PARTS = ("/classes.", "/sides.")
# Outside of it boxes are put together from anchors' places: pixels in eight bits would miss by pixels, and at another
# input size by hundreds.
NETWORK = "/detector/"


class Tensors(CalibrationDataReader):
    """What the model is fed for each picture."""

    def __init__(self, model, pictures):
        self.model, self.pictures = model, iter(pictures)

    def get_next(self):
        picture = next(self.pictures, None)
        return picture and {self.model.input["name"]: self.model.tensor(picture.pixels())[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registry", type=Path, default=Path("registry.toml"))
    parser.add_argument("--model", type=Path, required=True, help="float ONNX file")
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--film", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, required=True, help="a folder that was trained on")
    parser.add_argument("--pictures", type=int, default=40, help="rendered ones to measure ranges on")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    entry = tomllib.loads(options.registry.read_text())["model"][0]
    pictures = read_film(options.labels, options.film, "train") + read_rendered(options.rendered)[: options.pictures]
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(options.model), str(prepared), skip_symbolic_shape=True)
        names = [node.name for node in onnx.load(prepared).graph.node]
        quantize_static(
            str(prepared), str(options.out), Tensors(Model(options.model, entry), pictures),
            quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            per_channel=True, op_types_to_quantize=["Conv", "Add", "Clip"], calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=[
                name for name in names if not name.startswith(NETWORK) or any(part in name for part in FLOAT_PARTS)
            ],
        )
    # The shapes noted on the way hold names for height and width; tract stumbles over them.
    quantised = onnx.load(options.out)
    del quantised.graph.value_info[:]
    onnx.save(quantised, options.out)
    print(options.out, "sha256", hashlib.sha256(options.out.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
