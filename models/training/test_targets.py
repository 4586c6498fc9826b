"""Promises of the target encoding: `cd models && python -m unittest training.test_targets`."""

import unittest
from types import SimpleNamespace

import numpy
import torch

from training.augment import Augmenter, Sample
from training.data import Picture
from training.evaluate import average_precision, match
from training.losses import anchors, assign, loss, nearness, overlap
from training.network import LABELS, PRESENCE, Detector, Exported
from training.surroundings import surround


class Targets(unittest.TestCase):
    def test_overlap_of_known_boxes(self):
        iou, giou = overlap(torch.tensor([0.0, 0, 10, 10]), torch.tensor([5.0, 0, 15, 10]))
        self.assertAlmostEqual(float(iou), 1 / 3, places=5)
        self.assertAlmostEqual(float(giou), 1 / 3, places=5)

    def test_anchor_serves_the_box_it_lies_in(self):
        centres, strides = anchors([(8, 8), (4, 4), (2, 2)])
        boxes = torch.tensor([[8.0, 8, 24, 40], [40.0, 16, 56, 48]])
        sides = torch.cat([centres - strides[:, None] * 2, centres + strides[:, None] * 2], 1)
        scores = torch.full((len(centres), len(PRESENCE)), 0.01)
        matched, wanted = assign(scores, sides, centres, boxes, torch.tensor([0, 2]))
        self.assertEqual(set(matched.tolist()), {-1, 0, 1})
        for box in (0, 1):
            mine = centres[matched == box]
            self.assertTrue(((mine >= boxes[box, :2]) & (mine <= boxes[box, 2:])).all())
        self.assertTrue((wanted[matched < 0] == 0).all() and float(wanted.max()) <= 1)

    def test_puck_smaller_than_a_cell_gets_an_anchor(self):
        centres, strides = anchors([(8, 8), (4, 4), (2, 2)])
        sides = torch.cat([centres - 2, centres + 2], 1)
        scores = torch.full((len(centres), len(PRESENCE)), 0.01)
        matched, _ = assign(scores, sides, centres, torch.tensor([[31.0, 31, 33, 33]]), torch.tensor([3]))
        self.assertGreater(int((matched == 0).sum()), 0)

    def test_ignored_box_costs_nothing(self):
        torch.manual_seed(1)
        shapes = [(8, 8), (4, 4), (2, 2)]
        answers = [(torch.randn(1, 5, h, w), torch.rand(1, 4, h, w) * 20 + 1) for h, w in shapes]
        none, everywhere = torch.zeros(0, 4), torch.tensor([[-1.0, -1, 65, 65]])
        sample = SimpleNamespace(boxes=torch.zeros(0, 5), ignored=none, pucks_known=True)
        self.assertGreater(float(loss(answers, [sample])[0]), 0)
        sample.ignored = everywhere
        self.assertEqual(float(loss(answers, [sample])[0]), 0)

    def test_exported_rows_are_the_trained_boxes(self):
        torch.manual_seed(1)
        detector = Detector().eval()
        picture = torch.rand(1, 3, 64, 96) * 255
        with torch.no_grad():
            rows = Exported(detector)(picture)[0]
        centres, strides = anchors([(8, 12), (4, 6), (2, 3)])
        self.assertEqual(rows.shape, (len(centres), 4 + len(LABELS)))
        self.assertTrue(((rows[:, :2] - centres).abs() <= rows[:, 2:4] / 2 + 1e-3).all())

    def test_samples_keep_boxes_on_what_they_box(self):
        pixels = numpy.full((540, 960, 3), 230, numpy.uint8)
        pixels[200:300, 400:450] = (0, 0, 255)
        picture = Picture(
            "red", numpy.array([[400, 200, 450, 300, 0]], numpy.float32), numpy.zeros((0, 4), numpy.float32), True
        )
        picture.pixels = lambda reduction=1: numpy.ascontiguousarray(pixels[::reduction, ::reduction])
        augmenter = Augmenter([(1, [picture])], [], 256, 192)
        seed = 3
        random = numpy.random.default_rng(seed)
        seen = 0
        for _ in range(60):
            sample = augmenter._view(random, 256, 192)
            for left, top, right, bottom, _ in sample.boxes:
                middle = sample.pixels[int((top + bottom) / 2), int((left + right) / 2)]
                self.assertGreater(int(middle[2]) - int(middle[1]), 100, f"seed {seed}")
                seen += 1
        self.assertGreater(seen, 30, f"seed {seed}")

    def test_puck_a_pixel_off_is_near(self):
        puck = torch.tensor([[10.0, 10, 12, 12]])
        self.assertGreater(float(nearness(puck, puck)), 0.99)
        self.assertGreater(float(nearness(puck, puck + 1)), 0.6)
        self.assertLess(float(nearness(puck, puck + 20)), 0.01)

    def test_doubt_about_the_label_is_none_about_the_person(self):
        torch.manual_seed(1)
        detector = Detector().eval()
        for head in detector.classes:
            torch.nn.init.zeros_(head.weight)
            head.bias.data = torch.tensor([2.0, -9.0, 0.1, 0.0, 0.1])
        with torch.no_grad():
            rows = Exported(detector)(torch.rand(1, 3, 64, 64) * 255)[0]
        self.assertTrue(torch.allclose(rows[:, 4:].amax(1), torch.sigmoid(torch.tensor(2.0))))

    def test_bystanders_and_graphics_add_no_box(self):
        seed = 5
        random = numpy.random.default_rng(seed)
        painted = 0
        for _ in range(40):
            boxes = numpy.array([[200, 60, 220, 110, 0], [100, 200, 140, 250, 2]], numpy.float32)
            sample = Sample(numpy.full((256, 416, 3), 230, numpy.uint8), boxes, numpy.zeros((0, 4), numpy.float32), True)
            surround(sample, [], random)
            painted += int((sample.pixels != 230).any())
            kept = {tuple(row) for row in sample.boxes}
            self.assertTrue(kept <= {tuple(row) for row in boxes}, f"seed {seed}")
        self.assertGreater(painted, 10, f"seed {seed}")

    def test_a_person_is_found_once(self):
        truth = numpy.array([[0, 0, 10, 20, 0]], numpy.float32)
        found = numpy.array([[0, 0, 10, 20, 0.9, 0], [1, 0, 11, 20, 0.8, 0], [50, 50, 60, 70, 0.7, 0]], numpy.float32)
        verdicts = match(found, truth, numpy.array([[45.0, 45, 65, 75]]))
        self.assertEqual(verdicts.tolist(), [1, 0, -1])
        self.assertAlmostEqual(average_precision(found[:, 4], verdicts, 1), 1.0)


if __name__ == "__main__":
    unittest.main()
