"""What tests of model folders and of targets share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.model.hostile_folders import MARKED
from tests.model.segments import Segments
from xai import ImageInput, Model


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current folder, first on the path, full of code that leaves a mark where it runs."""
    marked = MARKED.format(mark=str(tmp_path / "mark"))
    for name in (
        "evil.py", "hubconf.py", "helpers/__init__.py", "helpers/inner.py", "models/__init__.py", "models/evil.py",
        "models/networks/__init__.py", "models/networks/evil.py", "model/network.py", "torchvision/__init__.py",
        "torchvision/models/__init__.py", "timm/__init__.py", "timm/models/__init__.py", "model/sub/x.py",
    ):  # fmt: skip
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(marked)
    (tmp_path / "here/model/linked.py").symlink_to("../evil.py")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "here"


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def segments() -> Model:
    torch.manual_seed(2)
    return Model(Segments(), classes=["sky", "road", "car"], input=ImageInput((2, 4, 4), range="any"))
