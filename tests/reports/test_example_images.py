"""Which images a report shows."""

from __future__ import annotations

import torch
from torch import nn

import xai
from xai.auditing.checks.performance import measure_performance
from xai.inputs.image_files import LabelledImages
from xai.model.model import Model
from xai.reports.example_images import choose_examples


def test_examples_hold_right_and_wrong_ones(digits: Model, digit_images: tuple) -> None:
    batch, labels = digit_images
    data = LabelledImages(batch, tuple(map(str, range(len(batch)))), labels)
    performance = measure_performance(digits, batch, labels)
    chosen = choose_examples(data, performance, 8)
    right = digits.predict(chosen.images).argmax(1) == chosen.labels
    assert len(chosen) == 8
    assert 2 <= int((~right).sum()) <= 3
    assert len(set(chosen.labels[right].tolist())) >= 4
    assert len(choose_examples(data, performance, 1)) == 1


def test_of_few_classes_each_has_its_typical_answer() -> None:
    """There is more room than there are classes; the least sure answer is one of the first class."""
    network = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[-20.0], [20.0]]))
        network[2].bias.copy_(torch.tensor([10.0, -10.0]))
    model = xai.Model(network, input=xai.ImageInput((1, 4, 4)))
    images = torch.tensor([0.1, 0.45, 0.2, 0.9, 0.8]).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    labels = torch.tensor([0, 0, 0, 1, 1])
    data = LabelledImages(images, tuple("abcde"), labels)
    chosen = choose_examples(data, measure_performance(model, images, labels), 8)
    assert sorted(chosen.labels.tolist()) == [0, 0, 1]
