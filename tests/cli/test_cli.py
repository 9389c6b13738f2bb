"""The command line as a user meets it: whole commands in a process of their own, good input and bad."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from tests.model.test_folder import NETWORK
from xai.cli.main import run


def xai(*arguments: object, cwd: Path, env: dict | None = None) -> subprocess.CompletedProcess:
    """Run the command and return what it did."""
    code = "import torch; torch.set_num_threads(1); from xai.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def here(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """Run the command in this process, which has imported torch already, and return what it did."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    words = ["xai", *map(str, arguments)]
    with chdir(cwd), patch.object(sys, "argv", words), redirect_stdout(out), redirect_stderr(err):
        try:
            run()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def refused(done: subprocess.CompletedProcess, *parts: str) -> None:
    """Hold that a command ended with one line, exit code 2, and said these things."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("xai: ")
    for part in parts:
        assert part in done.stderr


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder with a grey PNG, a colored JPEG and a truncated file."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 256, (40, 30), dtype=np.uint8)).save(folder / "grey.png")
    Image.fromarray(generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(folder / "color.jpg")
    (folder / "cut.png").write_bytes((folder / "grey.png").read_bytes()[:200])
    return folder


USERS_MODEL = """
from torch import nn

def build(width):
    maps = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(16 * width, 2))
"""


@pytest.fixture
def users_folder(tmp_path: Path) -> Path:
    """Return a model folder as a user writes it by hand, with a network file of their own."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "network.py").write_text(USERS_MODEL)
    (folder / "model.toml").write_text(
        'factory = "network.py:build"\ntask = "classification"\noutput = "logits"\nclasses = ["cat", "dog"]\n'
        '[arguments]\nwidth = 3\n[input]\nkind = "image"\nshape = [3, 24, 24]\n'
    )
    namespace: dict = {}
    exec(USERS_MODEL, namespace)
    torch.manual_seed(0)
    save_file(namespace["build"](3).state_dict(), folder / "weights.safetensors")
    return folder


class TestGoodInput:
    def test_explain_on_a_users_own_model_and_pictures(
        self, users_folder: Path, pictures: Path, tmp_path: Path
    ) -> None:
        done = xai(
            "explain", users_folder, pictures / "grey.png", pictures / "color.jpg", "--trust-code",
            "-m", "saliency", "-m", "gradcam", "-t", "dog", "-o", "out/why.html", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout == "out/why.html\n"
        text = (tmp_path / "out" / "why.html").read_text()
        assert "grey.png" in text
        assert "color.jpg" in text
        assert "for dog" in text
        assert "passes" in done.stderr  # the cost was said first

    def test_report_on_a_users_own_model_and_labelled_folder(
        self, users_folder: Path, pictures: Path, tmp_path: Path
    ) -> None:
        for name in ("cat", "dog"):
            (tmp_path / "data" / name).mkdir(parents=True)
            for number in range(3):
                with Image.open(pictures / "color.jpg") as source:
                    source.rotate(90 * number).save(tmp_path / "data" / name / f"{number}.png")
        done = xai(
            "report",
            users_folder,
            "--data",
            "data",
            "--trust-code",
            "--examples",
            2,
            "--steps",
            2,
            "--units",
            2,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        text = (tmp_path / done.stdout.strip()).read_text()
        assert "Confusion matrix" in text
        assert "6 labelled images" in text

    def test_visualize_writes_a_page_or_a_picture(self, users_folder: Path, tmp_path: Path) -> None:
        common = ("visualize", users_folder, "--trust-code", "--steps", 2)
        done = xai(*common, "--layer", "0", "--channel", 1, "--size", 16, "-o", "one.png", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        with Image.open(tmp_path / "one.png") as picture:
            assert picture.size == (18, 18)
        done = here(*common, "--class", "cat", "--minimize", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "-(class cat)" in (tmp_path / "visualization.html").read_text()

    def test_train_and_list(self, tmp_path: Path) -> None:
        done = xai(
            "train", "mnist-cnn", "--epochs", 2, "--rows", 200, "--seed", 3, "--keep-weights", "-o", "m", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "m\n"
        assert "held-out digits right" in done.stderr  # what it costs was said first
        kept = sorted(path.name for path in (tmp_path / "m" / "epochs").iterdir())
        assert kept == ["epoch-001.safetensors", "epoch-002.safetensors"]
        for arguments, part in (
            (("list", "layers", "m"), "conv1"),
            (("list", "methods"), "integrated_gradients"),
            (("list", "checks"), "randomization"),
            (("list", "recipes"), "mnist-cnn"),
        ):
            done = here(*arguments, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert part in done.stdout

    def test_a_run_of_an_older_recipe_is_not_taken_for_todays(
        self, digits_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
    ) -> None:
        """Without a folder `report` trains anew and says why; on one it says that the recipe has changed."""
        from xai.cli import report_command
        from xai.cli.options import recipe_data, recipes

        trained: list[str] = []
        monkeypatch.setattr(
            recipes(), "train_recipe", lambda name, folder, seed: trained.append(f"{name} {folder} {seed}")
        )
        folder = shutil.copytree(digits_folder, tmp_path / "mnist-cnn")
        report_command._train_default(str(folder), 0)
        assert recipe_data(str(folder)) is not None
        assert not trained
        assert not capsys.readouterr().err
        described = folder / "model.toml"
        described.write_text(re.sub('digest = ".*"', 'digest = "0123456789ab"', described.read_text()))
        report_command._train_default(str(folder), 5)
        assert trained == [f"mnist-cnn {folder} 5"]
        assert "the recipe has changed since it was trained" in capsys.readouterr().err
        assert recipe_data(str(folder)) is not None
        assert "`xai train mnist-cnn` makes it anew" in capsys.readouterr().err
        report_command._train_default(str(tmp_path / "none"), 0)
        assert len(trained) == 2
        assert "changed" not in capsys.readouterr().err

    def test_a_users_package_named_models_is_in_nobodys_way(self, digits_folder: Path, tmp_path: Path) -> None:
        """Also with the current folder on the path, which is how scripts and notebooks see it."""
        import os

        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "__init__.py").write_text("raise RuntimeError('the users own package')")
        root = str(Path(__file__).parents[2])
        for arguments in (("list", "layers", digits_folder), ("list", "recipes")):
            done = xai(*arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": f".:{root}"})
            assert done.returncode == 0, done.stderr
        module = subprocess.run(
            [sys.executable, "-m", "xai", "list", "recipes"], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": root},
        )  # fmt: skip
        assert module.returncode == 0, module.stderr


class TestBadInput:
    def test_models_that_are_not_there(self, tmp_path: Path) -> None:
        refused(xai("report", "nowhere", cwd=tmp_path), "model.toml", "no folder at nowhere")
        (tmp_path / "empty").mkdir()
        refused(here("explain", "empty", "x.png", cwd=tmp_path), "model.toml")
        assert not (tmp_path / "reports").exists()

    def test_code_is_not_run_untrusted(self, users_folder: Path, pictures: Path, tmp_path: Path) -> None:
        (users_folder / "network.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n{NETWORK}")
        refused(xai("explain", users_folder, pictures / "grey.png", cwd=tmp_path), "--trust-code")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("old", "new", "parts"),
        [
            ("width = 3", "width = 4", ("weights.safetensors", "expected")),
            ('task = "classification"', 'tusk = "classification"', ("model.toml", "tusk")),
            ("width = 3", 'width = "three"', ("factory",)),
            ('classes = ["cat", "dog"]', "classes = 2", ("model.toml", "array")),
            ("shape = [3, 24, 24]", "shape = [3, 24]", ("model.toml", "shape")),
            ("[input]", "[input", ("model.toml",)),
        ],
    )
    def test_descriptions_that_are_wrong(
        self, users_folder: Path, pictures: Path, tmp_path: Path, old: str, new: str, parts: tuple[str, ...]
    ) -> None:
        text = (users_folder / "model.toml").read_text()
        (users_folder / "model.toml").write_text(text.replace(old, new))
        done = here("explain", users_folder, pictures / "grey.png", "--trust-code", cwd=tmp_path)
        refused(done, *parts)
        assert not (tmp_path / "explanation.html").exists()

    def test_pictures_classes_methods_and_paths(self, users_folder: Path, pictures: Path, tmp_path: Path) -> None:
        common = ("explain", users_folder, "--trust-code")
        good = pictures / "grey.png"
        (tmp_path / "file").write_text("x")
        before = sorted(tmp_path.rglob("*"))
        refused(here(*common, pictures / "missing.png", cwd=tmp_path), "no file at")
        refused(here(*common, pictures / "cut.png", cwd=tmp_path), "cut.png")
        refused(here(*common, users_folder / "model.toml", cwd=tmp_path), "an image that can be read")
        refused(here(*common, good, "-t", "horse", cwd=tmp_path), "one of the classes (cat, dog)", "horse")
        refused(here(*common, good, "-t", "7", cwd=tmp_path), "a class from 0 to 1")
        refused(here(*common, good, "-m", "magic", cwd=tmp_path), "saliency", "magic")
        refused(here(*common, good, "-o", tmp_path, cwd=tmp_path), "a file")
        refused(here(*common, good, "-o", tmp_path / "file" / "x.html", cwd=tmp_path), "a path that can be written")
        refused(here(*common, cwd=tmp_path), "INPUTS")
        assert sorted(path for path in tmp_path.rglob("*") if "__pycache__" not in str(path)) == before

    def test_the_rest(self, users_folder: Path, tmp_path: Path) -> None:
        refused(here("train", "mnist", cwd=tmp_path), "mnist-cnn")
        refused(here("fly", cwd=tmp_path), "fly")
        refused(here("report", users_folder, "--steps", "0", cwd=tmp_path), "--steps")
        refused(here("report", users_folder, "--trust-code", "--data", "nowhere", cwd=tmp_path), "no folder at nowhere")
        visualize = ("visualize", users_folder, "--trust-code")
        refused(here(*visualize, "--channel", 1, cwd=tmp_path), "--layer")
        refused(here(*visualize, "--layer", "9", cwd=tmp_path), "layer")
        refused(here(*visualize, "--layer", "0", "--size", 10**8, cwd=tmp_path), "1<=x<=8192")
        refused(here(*visualize, "--layer", "0", "--channel", 99, cwd=tmp_path), "0 to 2")
        refused(here(*visualize, "--class", "horse", cwd=tmp_path), "cat, dog")

    def test_control_characters_do_not_reach_the_terminal(self, tmp_path: Path) -> None:
        done = here("report", "no\x1b[31mwhere\nelse", cwd=tmp_path)
        refused(done)
        assert "\x1b" not in done.stderr
