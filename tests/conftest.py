"""What the tests share: one torch thread per worker, and a small trained network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)  # tests run side by side, one process per core


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
