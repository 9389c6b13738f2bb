"""What tests of training share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from models.lecture.worked import work_all
from xai.base.experiment import WorkedExample


@pytest.fixture
def seeded() -> Iterator[None]:
    """Draw the same numbers in every test, and leave the random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def examples() -> dict[str, WorkedExample]:
    return {example.name: example for example in work_all()}
