"""What tests of model folders share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model.hostile_folders import MARKED


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
