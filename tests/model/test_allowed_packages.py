"""Packages that the user allows in their settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from torch import nn

from tests.model.hostile_folders import MARKED
from tests.model.test_trusted_names import describe
from xai.base.errors import FolderError
from xai.model.folder import load, save_model
from xai.model.installed import import_installed
from xai.model.model import Model


class TestPackagesThatTheUserAllows:
    @pytest.fixture
    def site(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a folder of installed packages with one named toolbox, which the settings allow."""
        place = here.parent / "site"
        (place / "toolbox").mkdir(parents=True)
        (place / "toolbox/__init__.py").write_text(
            "from torch import nn\nfrom torch.nn import Linear\nfrom os import system\nclass Net(nn.Linear):\n"
            "    def __init__(self, width: int = 2):\n        super().__init__(width, 2)\n"
            "def build() -> nn.Module:\n    return Net()\n"
        )
        (here.parent / "config/xai").mkdir(parents=True)
        (here.parent / "config/xai/settings.toml").write_text('[trust]\npackages = ["toolbox"]\n')
        monkeypatch.setattr(sys, "path", [*sys.path, str(place)])
        yield place
        for name in [name for name in sys.modules if name.partition(".")[0] in ("toolbox", "toolbox2")]:
            del sys.modules[name]

    def test_their_module_classes_load(self, here: Path, site: Path) -> None:
        folder = save_model(Model(nn.Linear(3, 2)), here / "model", factory="toolbox:Net", arguments={"width": 3})
        assert type(load(folder).network).__module__ == "toolbox"

    @pytest.mark.parametrize(
        "factory", ["toolbox:build", "toolbox:system", "toolbox:nn.Linear", "toolbox:Linear", "toolbox2:Net"]
    )
    def test_nothing_else_of_them_does(self, here: Path, site: Path, factory: str) -> None:
        (site / "toolbox2.py").write_text(MARKED.format(mark=str(here.parent / "mark")))
        with pytest.raises(FolderError, match="--trust-code"):
            load(describe(here, factory, {}))
        assert not (here.parent / "mark").exists()

    def test_arguments_are_held_to_the_signature(self, here: Path, site: Path) -> None:
        for arguments in ({"width": "x"}, {"height": 2}, {"width": {"a": 1}}):
            with pytest.raises(FolderError, match="arguments"):
                load(describe(here, "toolbox:Net", arguments))

    def test_one_of_that_name_in_the_current_folder_does_not_run(self, here: Path, site: Path) -> None:
        (here / "toolbox.py").write_text(MARKED.format(mark=str(here.parent / "mark")))
        assert import_installed("toolbox", here / "model").__file__ == str(site / "toolbox/__init__.py")
        del sys.modules["toolbox"]
        (site / "toolbox/__init__.py").unlink()
        (site / "toolbox").rmdir()
        with pytest.raises(FolderError, match="the installed package toolbox"):
            load(describe(here, "toolbox:Net", {}))
        assert not (here.parent / "mark").exists()

    def test_nor_where_the_model_folder_lies_elsewhere(self, here: Path, site: Path) -> None:
        (here / "toolbox.py").write_text(MARKED.format(mark=str(here.parent / "mark")))
        assert import_installed("toolbox", here.parent / "downloads" / "model").__file__ == str(
            site / "toolbox/__init__.py"
        )
        assert not (here.parent / "mark").exists()

    def test_another_that_was_imported_already_is_named(self, here: Path, site: Path) -> None:
        (here / "toolbox.py").write_text("VALUE = 1")
        __import__("toolbox")
        with pytest.raises(FolderError, match="another toolbox"):
            load(describe(here, "toolbox:Net", {}))

    def test_one_that_is_installed_from_the_folder_around(self, here: Path, site: Path) -> None:
        """An editable package whose source is the current folder counts by its distribution's record."""
        (site / "toolbox").rename(here / "toolbox")
        with pytest.raises(FolderError, match="the installed package toolbox"):
            import_installed("toolbox", here / "model")
        (site / "toolbox-1.0.dist-info").mkdir()
        record = {"url": here.as_uri(), "dir_info": {"editable": True}}
        (site / "toolbox-1.0.dist-info/direct_url.json").write_text(json.dumps(record))
        (site / "toolbox-1.0.dist-info/METADATA").write_text("Name: toolbox\nVersion: 1.0\n")
        assert import_installed("toolbox", here / "model").__file__ == str(here / "toolbox/__init__.py")

    def test_a_package_that_fails_is_named(self, here: Path, site: Path) -> None:
        (site / "toolbox/__init__.py").write_text("1 / 0")
        with pytest.raises(FolderError, match="ZeroDivisionError"):
            load(describe(here, "toolbox:Net", {}))

    @pytest.mark.parametrize(
        "content", ["[trust", "[trust]\npackages = 3", "[trust]\npackage = []", "a = " + "[" * 9999]
    )
    def test_settings_that_are_none_are_named(self, here: Path, site: Path, content: str) -> None:
        (here.parent / "config/xai/settings.toml").write_text(content)
        with pytest.raises(FolderError, match=r"settings: .*settings\.toml"):
            load(describe(here, "toolbox:Net", {}))

    def test_settings_inside_the_model_folder_do_not_count(
        self, here: Path, site: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (here.parent / "config").rename(here / "model/config")
        for place in (str(here / "model/config"), "model/config"):
            monkeypatch.setenv("XDG_CONFIG_HOME", place)
            monkeypatch.setenv("HOME", str(here.parent))
            with pytest.raises(FolderError, match="--trust-code"):
                load(describe(here, "toolbox:Net", {}))
