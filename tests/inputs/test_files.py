"""Image files, atomic writing, saved explanations, the guard, digests."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.zoo import ZOO, images
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.base.digest import tensor_digest
from xai.base.errors import FolderError, InputError, OutputError
from xai.base.files import check_writable, write_atomically
from xai.evidence.verify import verify
from xai.inputs.image import ImageInput
from xai.inputs.image_files import read_folder, read_image
from xai.lime.image import lime_image
from xai.model.model import Model
from xai.network.digest import network_digest, version_key
from xai.network.guard import untouched
from xai.results.explanation import Explanation

COLOR, GREY = ImageInput((3, 8, 8)), ImageInput((1, 8, 8))


def picture(mode: str, size: tuple[int, int] = (8, 8)) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
    return Image.fromarray(pixels[:, :, 0] if bands == 1 else pixels, None)


class TestImages:
    @pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_files_of_any_kind(self, tmp_path: Path, mode: str, suffix: str) -> None:
        path = tmp_path / f"picture.{suffix}"
        picture(mode).save(path)
        for kind in (COLOR, GREY):
            pixels = read_image(path, kind)
            assert pixels.shape == (1, *kind.shape)
            assert 0 <= pixels.min() < pixels.max() <= 1

    def test_pixels_are_exact_where_nothing_is_resized(self, tmp_path: Path) -> None:
        original = picture("RGB")
        original.save(tmp_path / "a.png")
        read = read_image(tmp_path / "a.png", COLOR)
        assert torch.allclose(
            read[0].permute(1, 2, 0), torch.from_numpy(np.asarray(original) / 255.0).float(), atol=1e-6
        )
        shifted = read_image(tmp_path / "a.png", ImageInput((3, 8, 8), range=(-1.0, 1.0)))
        assert torch.allclose(shifted, read * 2 - 1, atol=1e-6)

    def test_depth_transparency_and_orientation(self, tmp_path: Path) -> None:
        deep = (np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).astype(np.uint16)
        Image.fromarray(deep).save(tmp_path / "deep.png")
        assert torch.allclose(
            read_image(tmp_path / "deep.png", GREY)[0, 0], torch.from_numpy(deep / 65535.0).float(), atol=3e-3
        )
        Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
        assert torch.equal(read_image(tmp_path / "clear.png", COLOR), torch.ones(1, 3, 8, 8))
        left = Image.fromarray(np.tile(np.arange(8, dtype=np.uint8) * 30, (8, 1)))
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees
        left.save(tmp_path / "turned.png", exif=exif)
        turned = read_image(tmp_path / "turned.png", GREY)[0, 0]
        assert torch.all(turned[1:] >= turned[:-1])
        assert float(turned[0].std()) < 1e-6

    def test_the_center_is_kept(self, tmp_path: Path) -> None:
        wide = np.zeros((8, 40), np.uint8)
        wide[:, 16:24] = 255
        Image.fromarray(wide).save(tmp_path / "wide.png")
        assert torch.equal(read_image(tmp_path / "wide.png", GREY), torch.ones(1, 1, 8, 8))

    def test_what_is_wrong_with_a_file_is_one_line(self, tmp_path: Path) -> None:
        picture("RGB", (64, 64)).save(tmp_path / "whole.png")
        content = (tmp_path / "whole.png").read_bytes()
        (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
        (tmp_path / "text.png").write_text("no image")
        (tmp_path / "empty.png").write_bytes(b"")
        for name, message in (
            ("cut.png", "a damaged one"),
            ("text.png", "an image that can be read"),
            ("empty.png", "an image that can be read"),
            ("missing.png", "no file at"),
        ):
            with pytest.raises(InputError, match=message) as caught:
                read_image(tmp_path / name, COLOR)
            assert "\n" not in str(caught.value)
        with pytest.raises(InputError, match="1, 3 or 4 channels"):
            read_image(tmp_path / "whole.png", ImageInput((2, 8, 8)))

    def test_a_decompression_bomb_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        picture("L", (64, 64)).save(tmp_path / "big.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        with pytest.raises(InputError, match="too large"):
            read_image(tmp_path / "big.png", GREY)

    def test_folders_by_class(self, tmp_path: Path) -> None:
        for name in ("cat", "1"):
            (tmp_path / name).mkdir()
            picture("RGB").save(tmp_path / name / "x.png")
        (tmp_path / "cat" / "notes.txt").write_text("ignored")
        found = read_folder(tmp_path, COLOR, ["cat", "dog"])
        assert found.labels.tolist() == [1, 0]
        assert found.names == ("1/x.png", "cat/x.png")
        (tmp_path / "horse").mkdir()
        with pytest.raises(InputError, match=r"like the classes \(cat, dog\), got horse"):
            read_folder(tmp_path, COLOR, ["cat", "dog"])
        with pytest.raises(InputError, match="one subfolder per class"):
            read_folder(tmp_path / "nowhere", COLOR, ["cat"])


class TestWriting:
    def test_whole_or_not_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "new" / "file.txt"
        assert write_atomically(path, "first").read_text() == "first"

        def fail(*arguments: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(OutputError, match="No space left"):
            write_atomically(path, "second")
        assert path.read_text() == "first"
        assert [part.name for part in path.parent.iterdir()] == ["file.txt"]

    def test_paths_that_cannot_be_written_are_named_before_any_work(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        for path in (tmp_path, tmp_path / "file" / "below.html"):
            with pytest.raises(OutputError, match="expected"):
                check_writable(path)
        assert check_writable(tmp_path / "a" / "b" / "c.html").name == "c.html"

    def test_a_link_stays_and_a_pipe_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("old")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert write_atomically(tmp_path / "link", "new") == tmp_path / "link"
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() == "new"
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OutputError, match="device or pipe"):
            write_atomically(tmp_path / "pipe", "x")

    def test_the_mode_is_that_of_a_plain_file(self, tmp_path: Path) -> None:
        (tmp_path / "plain").write_text("x")
        made = write_atomically(tmp_path / "made", "x")
        assert made.stat().st_mode == (tmp_path / "plain").stat().st_mode


class TestExplanation:
    @pytest.mark.parametrize("method", [saliency, integrated_gradients, lime_image])
    def test_save_and_load(self, tmp_path: Path, method) -> None:
        settings = {"samples": 40} if method is lime_image else {}
        model = ZOO["plain"]()
        model.classes = ["a", "b", "</script>"]
        made = verify(model, method(model, images(2), [(0, 1), (2, 1)], **settings), ["deletion"])
        loaded = Explanation.load(made.save(tmp_path / "e.safetensors"))
        assert loaded.target == made.target
        assert loaded.evidence == made.evidence
        assert loaded.diagnostics == made.diagnostics
        assert loaded.target_name(1) == "</script> rather than b"
        for ours, theirs in zip(made.values, loaded.values, strict=True):
            assert torch.equal(ours, theirs)
        assert torch.equal(made.heatmap(), loaded.heatmap())
        assert loaded.options == {**made.options, "run": loaded.options["run"]}

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        from safetensors.torch import save_file

        (tmp_path / "a").write_text("x")
        save_file({"x": torch.zeros(1)}, tmp_path / "b")
        for name in ("a", "b", "missing"):
            with pytest.raises(FolderError, match="a saved explanation"):
                Explanation.load(tmp_path / name)

    def test_rows_frames_and_plots(self) -> None:
        made = saliency(ZOO["plain"](), images(3))
        assert [len(part) for part in made] == [1, 1, 1]
        assert torch.equal(made[-1].values[0], made.values[2])
        with pytest.raises(IndexError, match="index"):
            made[3]
        frame = made.to_frame()
        assert len(frame) == 3 * 2 * 8 * 8
        row = frame[(frame.row == 1) & (frame.channel == 1) & (frame.y == 2) & (frame.x == 3)]
        assert row.value.item() == pytest.approx(float(made.values[1, 1, 2, 3]))
        assert made.plot(1).axes
        with pytest.raises(InputError, match="one of images"):
            saliency(Model(nn.Linear(3, 2)), torch.rand(1, 3)).heatmap()


class TestGuard:
    def test_a_buffer_that_the_forward_pass_writes_is_restored(self) -> None:
        class Counting(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.register_buffer("count", torch.zeros(1))
                self.linear = nn.Linear(2, 2)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                self.count += 1
                self.last = x
                return self.linear(x)

        network = Counting()
        with untouched(network):
            network(torch.zeros(1, 2))
            network.register_forward_hook(lambda *arguments: None)
            network.linear.weight.requires_grad_(False)
            network.extra = nn.Linear(1, 1)
            torch.rand(5)
        assert float(network.count) == 0
        assert not hasattr(network, "last")
        assert not hasattr(network, "extra")
        assert not network._forward_hooks
        assert network.linear.weight.requires_grad

    def test_the_grad_mode_of_another_thread_is_its_own(self) -> None:
        network = nn.Linear(1, 1)
        seen = []
        with torch.no_grad(), untouched(network):
            thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
            thread.start()
            thread.join()
            assert torch.is_grad_enabled()
        assert seen == [True]


def test_digests_see_every_change() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.load_state_dict(first.state_dict())
    assert network_digest(first) == network_digest(second)
    key = version_key(first)
    with torch.no_grad():
        first.bias[1] += 1e-7
    assert version_key(first) != key
    assert network_digest(first) != network_digest(second)
    assert tensor_digest(torch.zeros(2)) != tensor_digest(torch.zeros(1, 2))
    assert tensor_digest(torch.zeros(2)) != tensor_digest(torch.zeros(2, dtype=torch.float64))
