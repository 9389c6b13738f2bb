"""What the tests share: one torch thread per worker, and a small trained network."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # tests run side by side, one process per core


@pytest.fixture(scope="session", autouse=True)
def every_id_stands_once() -> Iterator[None]:
    """Hold every page that any test makes to it: no two elements have one id, else links and buttons take the wrong."""
    from xai.reports.page import Report

    made = Report.html

    @functools.wraps(made)
    def html(self: Report) -> str:
        page = made(self)
        outside = re.sub(r"<script(.*?)>.*?</script>", r"<script\1>", page, flags=re.S)
        twice = [name for name, count in Counter(re.findall(r'<[^<>]*\sid="([^"]*)"', outside)).items() if count > 1]
        assert not twice, f"ids that stand twice: {twice}"
        return page

    Report.html = html
    yield
    Report.html = made


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a reference CNN after two epochs: good enough to explain, quick enough to wait for."""
    from models.recipes import train_recipe

    return train_recipe("mnist-cnn", tmp_path_factory.mktemp("models") / "mnist-cnn", epochs=2)


@pytest.fixture
def digits(digits_folder: Path):
    """Return that network as a model."""
    from xai.model.folder import load

    return load(digits_folder)


@pytest.fixture(scope="session")
def digit_images():
    """Return the held-out digits with their labels."""
    from models.recipes import load_data

    data = load_data("mnist-cnn")
    return data.test_inputs, data.test_labels
