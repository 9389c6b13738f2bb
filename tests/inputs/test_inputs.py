"""Inputs: every accepted form is the same batch; everything else is a named error."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xai.attribution.gradient_methods import saliency
from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.several import Inputs
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.model.model import Model

COLOR = ImageInput((3, 4, 5))
PIXELS = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize(
    "value",
    [
        PIXELS,
        PIXELS.transpose(1, 2, 0),
        PIXELS[None],
        PIXELS.transpose(1, 2, 0)[None],
        torch.from_numpy(PIXELS),
        PIXELS.astype(np.float64) / 255,
        PIXELS.astype(np.float32) / 255,
        (PIXELS.astype(np.uint16) * 257),
        Image.fromarray(PIXELS.transpose(1, 2, 0)),
        [Image.fromarray(PIXELS.transpose(1, 2, 0))],
        PIXELS.astype(">f4") / 255,
    ],
    ids=["chw", "hwc", "nchw", "nhwc", "tensor", "float64", "float32", "uint16", "pil", "list", "big endian"],
)
def test_every_form_of_an_image_is_the_same_batch(value: object) -> None:
    batch = COLOR.prepare(value)
    assert batch.shape == (1, 3, 4, 5)
    assert torch.allclose(batch.double(), torch.from_numpy(PIXELS / 255.0)[None], atol=1e-6)


def test_grey_images_need_no_channel_axis() -> None:
    grey = ImageInput((1, 4, 5))
    assert grey.prepare(np.zeros((4, 5))).shape == (1, 1, 4, 5)
    assert grey.prepare(np.zeros((7, 4, 5))).shape == (7, 1, 4, 5)
    assert grey.prepare(np.zeros((7, 4, 5, 1))).shape == (7, 1, 4, 5)


@given(mean=st.floats(-2, 2), std=st.floats(0.1, 3), pixel=st.floats(0, 1))
def test_normalization_is_what_it_says(mean: float, std: float, pixel: float) -> None:
    kind = ImageInput((1, 1, 1), mean=[mean], std=[std])
    seen = kind.feed(torch.tensor([[[[pixel]]]], dtype=torch.float64))
    assert seen.item() == pytest.approx((pixel - mean) / std, abs=1e-9)


def test_normalized_images_are_not_taken_for_pixels() -> None:
    with pytest.raises(InputError, match="pixels between 0 and 1"):
        COLOR.prepare(np.full((3, 4, 5), -1.2))
    assert ImageInput((3, 4, 5), range="any").prepare(np.full((3, 4, 5), -1.2)).min() < -1


@pytest.mark.parametrize(
    "settings",
    [
        {"shape": (1, 2)},
        {"shape": (0, 2, 2)},
        {"shape": (1, 2, 2), "mean": [0.1, 0.2]},
        {"shape": (1, 2, 2), "std": [0.0]},
        {"shape": (1, 2, 2), "std": [float("nan")]},
        {"shape": (1, 2, 2), "range": (1.0, 0.0)},
    ],
)
def test_impossible_image_inputs_are_named(settings: dict) -> None:
    with pytest.raises(InputError, match="ImageInput: "):
        ImageInput(**settings)


class TestTabular:
    kind = TabularInput(["age", "color"], categorical={"color": ["red", "green"]})

    def test_rows_columns_and_frames(self) -> None:
        frame = pd.DataFrame({"color": [1, 0], "age": [30.0, 40.0], "other": ["x", "y"]})
        assert torch.equal(self.kind.prepare(frame), torch.tensor([[30.0, 1.0], [40.0, 0.0]]))
        assert self.kind.prepare([30.0, 1.0]).shape == (1, 2)

    @pytest.mark.parametrize(
        "rows",
        [[[1.0]], [[1.0, 2.0, 3.0]], [[1.0, 2.0]], [[1.0, 0.5]], [[1.0, -1.0]], [[float("inf"), 0.0]], [["a", "b"]]],
        ids=["narrow", "wide", "unseen", "half", "negative", "infinite", "words"],
    )
    def test_what_is_wrong_is_named(self, rows: list) -> None:
        with pytest.raises(InputError, match=r"^inputs: expected"):
            self.kind.prepare(rows)

    def test_missing_and_double_columns_are_named(self) -> None:
        with pytest.raises(InputError, match="none named"):
            self.kind.prepare(pd.DataFrame({"age": [1.0]}))
        with pytest.raises(InputError, match="distinct"):
            TabularInput(["a", "a"])
        with pytest.raises(InputError, match="categorical"):
            TabularInput(["a"], categorical={"b": ["x"]})


def test_tensors_pass_through() -> None:
    given_batch = torch.rand(2, 5, dtype=torch.float64)
    assert TensorInput().prepare(given_batch) is not None
    assert TensorInput().prepare(given_batch).dtype == torch.float64
    with pytest.raises(InputError, match=r"shape \(N, ...\)"):
        TensorInput().prepare([1.0, 2.0])


class TestSequences:
    kind = SequenceInput(["a", "b"], 3, mean=[1.0, 2.0], std=[2.0, 4.0])

    def test_every_form_is_the_same_batch(self) -> None:
        long, short = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0]]
        batch = self.kind.prepare([long, short])
        assert batch.tolist() == [long, [[7.0, 8.0], [0.0, 0.0], [0.0, 0.0]]]
        assert torch.equal(self.kind.prepare(batch), batch)
        assert torch.equal(self.kind.prepare(np.array(short)), batch[1:])

    def test_padding_stays_padding(self) -> None:
        seen = self.kind.feed(self.kind.prepare([[7.0, 8.0]]))
        assert seen.tolist() == [[[3.0, 1.5], [0.0, 0.0], [0.0, 0.0]]]

    ragged: ClassVar[list] = [[[[1.0, 2.0], [1.0]], [[1.0, 2.0]]], [[[1.0], [1.0, 2.0]]], [[1.0, [2.0]], 3.0]]

    @pytest.mark.parametrize("value", [[[1.0]], [[1.0, 2.0]] * 4, [[float("nan"), 1.0]], [], ["words"], *ragged])
    def test_what_is_wrong_is_named(self, value: list) -> None:
        with pytest.raises(InputError, match=r"^inputs: expected"):
            self.kind.prepare(value)

    @pytest.mark.parametrize("settings", [{"names": []}, {"length": 0}, {"mean": [1.0]}, {"std": [1.0, 0.0]}])
    def test_impossible_ones_are_named(self, settings: dict) -> None:
        with pytest.raises(InputError, match="SequenceInput: "):
            SequenceInput(**{"names": ["a", "b"], "length": 3, **settings})


class TestTexts:
    kind = TextInput(["a", "good", "film", "!"], pattern=r"\w+|!", length=4)

    def test_words_become_numbers(self) -> None:
        numbers = self.kind.feed(["A good, GOOD film", "Film!", "a"])
        assert numbers.tolist() == [[2, 3, 3, 4], [4, 5, 0, 0], [2, 0, 0, 0]]
        assert torch.equal(self.kind.prepare(numbers), numbers)
        assert TextInput(["a", "b"], pattern=".").feed(["Abc"]).tolist() == [[2, 3, 1]]

    @pytest.mark.parametrize("value", [[[1, 6]], [[1, -1]], [1, 2]])
    def test_numbers_that_cannot_be_are_named(self, value: list) -> None:
        with pytest.raises(InputError, match=r"^inputs: expected"):
            self.kind.prepare(torch.tensor(value))

    @pytest.mark.parametrize("settings", [{"vocabulary": ["a", "a"]}, {"length": 0}, {"pattern": "("}])
    def test_impossible_ones_are_named(self, settings: dict) -> None:
        with pytest.raises(InputError, match="TextInput: "):
            TextInput(**{"vocabulary": ["a"], "length": 3, **settings})

    def test_a_model_hands_whole_numbers_to_the_network(self) -> None:
        network = torch.nn.Sequential(torch.nn.EmbeddingBag(6, 3), torch.nn.Linear(3, 2))
        model = Model(network, input=self.kind)
        expected = network(torch.tensor([[2, 4]])).softmax(1)
        assert torch.allclose(model.predict("a film"), expected)
        assert torch.allclose(model.predict(torch.tensor([[2, 4]])), expected)
        slope = network[1].weight[0].abs().sum() / 2  # a bag takes the mean: each of two words has half
        found = saliency(model, "a film", 0)
        assert found.row_names == (("a", "film"),)
        assert torch.allclose(found.values[0], slope.detach().expand(2), atol=1e-6)


def test_what_a_trace_and_random_draws_are_made_of() -> None:
    assert COLOR.blank(2).shape == (2, 3, 4, 5)
    assert TestTabular.kind.blank().shape == (1, 2)
    assert TestSequences.kind.blank().shape == (1, 3, 2)
    assert TextInput().blank() is TensorInput().blank() is None
    row = TestSequences.kind.prepare([[7.0, 8.0]])[0]
    assert torch.equal(TestSequences.kind.draws_from(row), row)
    texts = TextInput().prepare(["hi", "longer"])
    assert torch.equal(TextInput().draws_from(texts[0]), TextInput().prepare("hi")[0])
    assert TestTexts.kind.draws_from(torch.tensor([2, 0, 3, 0, 0])).tolist() == [2, 0, 3]


def test_padding_is_what_lies_behind_the_last_of_the_data() -> None:
    batch = TestSequences.kind.prepare([[[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]], [[1.0, 0.0]]])
    assert TestSequences.kind.present(batch).tolist() == [[True] * 3, [True, False, False]]
    assert TextInput().present(TextInput().prepare(["hi", "a"])).tolist() == [[True, True], [True, False]]
    assert TestTexts.kind.present(torch.tensor([[2, 0, 3, 0]])).tolist() == [[True, True, True, False]]
    assert COLOR.present(COLOR.prepare(PIXELS)) is TensorInput().present(torch.zeros(1, 2)) is None


def test_each_kind_reads_its_own_files(tmp_path: Path) -> None:
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("age,color\n30,green\n40,red\n")
    (tmp_path / "s.csv").write_text("1,2\n3,4\n")
    (tmp_path / "w.txt").write_text("a good film")
    pixels, names = COLOR.read([str(tmp_path / "a.png")])
    assert torch.allclose(pixels, COLOR.prepare(PIXELS))
    assert names == ("a.png",)
    rows, names = TestTabular.kind.read([str(tmp_path / "t.csv")])
    assert rows.tolist() == [[30.0, 1.0], [40.0, 0.0]]
    assert names == ("t.csv, row 0", "t.csv, row 1")
    series, _ = TestSequences.kind.read([str(tmp_path / "s.csv")])
    assert series.tolist() == [[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]]
    texts, names = TextInput().read([str(tmp_path / "w.txt"), "bad"])
    assert TextInput().feed(texts) == ["a good film", "bad"]
    assert names == ("w.txt", "bad")
    with pytest.raises(InputError, match="read from files"):
        TensorInput().read(["x.bin"])


@pytest.mark.parametrize("shape", [(2, 5), (2, 4, 3), (2, 1, 9, 9)])
def test_a_tensor_is_taken_for_the_kind_of_its_axes(shape: tuple[int, ...]) -> None:
    kinds = {2: TabularInput(list("abcde")), 3: SequenceInput(list("abc"), 4), 4: ImageInput((1, 9, 9))}
    kind, tensor, batch = (
        kinds[len(shape)],
        TensorInput(),
        torch.rand(shape, generator=torch.Generator().manual_seed(0)),
    )
    assert tensor.axes(batch) == kind.axes(batch)
    assert tensor.baselines(batch) == kind.baselines(batch)
    assert tensor.absent(batch) == kind.absent(batch)
    assert torch.equal(tensor.parts(batch).labels, kind.parts(batch).labels)
    assert torch.equal(tensor.noise_scale(batch)[0], kind.noise_scale(batch)[0])
    for name in kind.baselines(batch):
        torch.testing.assert_close(tensor.baseline(name, batch)[0], kind.baseline(name, batch)[0])


def test_a_network_reads_what_a_frame_becomes_and_a_model_keeps_what_float32_loses() -> None:
    kind = TabularInput(["since", "city"], categorical={"city": ["x", "y"]}, dates=["since"])
    moment = pd.Timestamp("2024-01-01 00:01")
    frame = pd.DataFrame({"since": [moment, moment], "city": ["x", "y"]})
    network = torch.nn.Linear(2, 2)
    for rows in (kind.prepare(frame), kind.prepare(frame.iloc[0]), Model(network, input=kind).prepare(frame)):
        assert network(rows).shape == (len(rows), 2)
    double = Model(torch.nn.Linear(2, 2).double(), input=kind).prepare(frame)
    minute = Model.from_callable(lambda rows: rows, input=kind).prepare(frame)
    assert double[0, 0].item() == minute[0, 0].item() == 19723 + 1 / 1440  # float32 has steps of 3 minutes there
    both = Inputs(columns=kind, image=ImageInput((1, 1, 1)))
    assert both.exact({"columns": frame, "image": torch.zeros(2, 1, 1, 1)}).dtype == torch.float64


@pytest.mark.parametrize("value", [np.array([[0.0, 1e300]]), pd.DataFrame({"a": [0.0], "b": [1e300]})])
def test_a_number_too_large_for_the_network_is_named(value: object) -> None:
    kind = TabularInput(["a", "b"])
    with pytest.raises(InputError, match=r"float32 holds.*got 1e\+300 in row 0, column 'b'"):
        Model(torch.nn.Linear(2, 2), input=kind).predict(value)
    assert Model(torch.nn.Linear(2, 2).double(), input=kind).predict(value).isfinite().all()
