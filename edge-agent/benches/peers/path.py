"""The plainest Python pipeline over a film: OpenCV decodes, ONNX Runtime detects, ByteTrack tracks, a homography places.

Comes in: the model list, a name in it, a film, four points in pixels and metres. Goes out: one line of JSON, frames,
seconds from opening the film to its last frame, and boxes seen. ONNX Runtime keeps its own default of threads: the
pipeline is written as its users write it.
"""

import json
import sys
import time
import tomllib
from pathlib import Path

import cv2
import numpy
import onnxruntime
import supervision
from trackers import ByteTrackTracker


def main():
    registry, name, film, pairs = Path(sys.argv[1]), *sys.argv[2:5]
    entry = next(entry for entry in tomllib.loads(registry.read_text())["model"] if entry["name"] == name)
    session = onnxruntime.InferenceSession(registry.parent / entry["file"], providers=["CPUExecutionProvider"])
    width, height, pad = (entry["input"][key] for key in ("width", "height", "pad"))
    pairs = json.loads(pairs)
    to_metres = cv2.getPerspectiveTransform(*(numpy.float32(pairs[side]) for side in ("pixels", "metres")))
    capture = cv2.VideoCapture(film)
    tracker = ByteTrackTracker(frame_rate=capture.get(cv2.CAP_PROP_FPS), track_activation_threshold=0.5)
    began, frames, seen = time.perf_counter(), 0, 0
    while True:
        found, picture = capture.read()
        if not found:
            break
        scale = min(width / picture.shape[1], height / picture.shape[0])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        canvas = numpy.full((height, width, 3), pad, numpy.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        tensor = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(numpy.float32)
        rows = session.run(None, {entry["input"]["name"]: tensor})[0][0]
        rows = rows[rows[:, 4:].max(1) >= entry["output"]["score_min"]]
        boxes = rows[:, :4] / scale
        boxes[:, :2] -= boxes[:, 2:] / 2
        scores, labels = rows[:, 4:].max(1), rows[:, 4:].argmax(1)
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, entry["output"]["overlap_max"])
        kept = numpy.array(kept, int).reshape(-1)
        corners = numpy.concatenate([boxes[kept, :2], boxes[kept, :2] + boxes[kept, 2:]], 1)
        tracks = tracker.update(supervision.Detections(corners, confidence=scores[kept], class_id=labels[kept]))
        if len(tracks):
            feet = numpy.stack([tracks.xyxy[:, [0, 2]].mean(1), tracks.xyxy[:, 3]], 1)
            cv2.perspectiveTransform(feet[None].astype(numpy.float64), to_metres)
        seen += len(tracks)
        frames += 1
    print(json.dumps({"frames": frames, "seconds": time.perf_counter() - began, "boxes": seen}))


if __name__ == "__main__":
    main()
