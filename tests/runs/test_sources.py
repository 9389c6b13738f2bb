"""Every form of a data set is read in pieces, with the same rows, ids and labels."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest
import torch
from PIL import Image

import xai
from tests.runs.folders import image_model, images, table_model
from xai.base.errors import InputError
from xai.runs.chunks import Loaded
from xai.runs.sources import Source, open_source

CLASSES = ["class 0", "class 1", "class 2"]


def read_all(source: Source, input: object, size: int = 3) -> Loaded:
    """Return all pieces as one."""
    ids, labels, inputs, errors = [], [], [], {}
    for _, chunk in source.chunks(size):
        part = chunk.load(input)
        errors |= {len(ids) + row: text for row, text in part.errors.items()}
        ids += part.ids
        labels += part.labels
        if len(part.read):
            inputs.append(input.prepare(part.inputs))
    return Loaded(ids, labels, torch.cat(inputs), [], errors)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8), dtype=np.uint8)


def test_a_folder_of_images_by_class(tmp_path: Path) -> None:
    pixels = pictures(7)
    for number, picture in enumerate(pixels):
        folder = tmp_path / "data" / ("class 1" if number < 4 else "2")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    (tmp_path / "data" / "class 1" / "1.png").write_bytes(b"no picture")
    input = image_model().input
    source = open_source(tmp_path / "data", input, classes=CLASSES)
    found = read_all(source, input)
    assert source.rows == 7
    assert found.ids == ["2/4.png", "2/5.png", "2/6.png", *(f"class 1/{number}.png" for number in range(4))]
    assert found.labels == ["class 2"] * 3 + ["class 1"] * 4
    assert list(found.errors) == [4]
    kept = [4, 5, 6, 0, 2, 3]
    assert torch.allclose(found.inputs[:, 0], torch.tensor(pixels[kept] / 255, dtype=torch.float32))


def test_one_other_byte_is_other_data(tmp_path: Path) -> None:
    Image.fromarray(pictures(1)[0]).save(tmp_path / "a.bmp")
    input = image_model().input
    before = open_source(tmp_path, input).digest
    content = bytearray((tmp_path / "a.bmp").read_bytes())
    content[-1] ^= 1
    (tmp_path / "a.bmp").write_bytes(content)
    assert open_source(tmp_path, input).digest != before


def test_webdataset_tar_files(tmp_path: Path) -> None:
    pixels = pictures(5)
    for part, numbers in enumerate(([0, 1, 2], [3, 4])):
        with tarfile.open(tmp_path / f"part-{part}.tar", "w") as archive:
            for number in numbers:
                buffer = io.BytesIO()
                Image.fromarray(pixels[number]).save(buffer, "png")
                content = buffer.getvalue() if number != 3 else b"broken"
                for name, data in ((f"{number:04d}.png", content), (f"{number:04d}.cls", str(number % 3).encode())):
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))
    input = image_model().input
    for path in (tmp_path, tmp_path / "part-0.tar"):
        found = read_all(open_source(path, input, classes=CLASSES), input, 2)
        count = 5 if path.is_dir() else 3
        assert found.ids == [f"{number:04d}" for number in range(count)]
        assert found.labels == [CLASSES[number % 3] for number in range(count)]
        kept = [number for number in range(count) if number != 3]
        assert list(found.errors) == ([3] if count == 5 else [])
        assert torch.allclose(found.inputs[:, 0], torch.tensor(pixels[kept] / 255, dtype=torch.float32))


FORMS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "csv": lambda frame, folder: _written(folder / "t.csv", lambda path: frame.to_csv(path, index=False)),
    "packed csv": lambda frame, folder: _written(folder / "t.csv.gz", lambda path: frame.to_csv(path, index=False)),
    "parquet": lambda frame, folder: _written(folder / "t.parquet", frame.to_parquet),
    "arrow": lambda frame, folder: _written(folder / "t.arrow", frame.to_feather),
    "folder": lambda frame, folder: _folder(folder / "t", frame),
    "frame": lambda frame, folder: frame,
}


def _written(path: Path, write: Callable[[Path], object]) -> Path:
    write(path)
    return path


def _folder(folder: Path, frame: pd.DataFrame) -> Path:
    folder.mkdir()
    parquet.write_table(pa.Table.from_pandas(frame[:4]), folder / "0.parquet", row_group_size=3)
    feather.write_feather(frame[4:], folder / "1.arrow")
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_tables(tmp_path: Path, form: str) -> None:
    model = table_model()
    values = np.random.default_rng(0).normal(size=(11, 4)).astype(np.float32)
    frame = pd.DataFrame(values, columns=model.input.names)
    frame["label"], frame["who"] = ["no", "yes"] * 5 + ["no"], [f"row {number}" for number in range(11)]
    source = open_source(FORMS[form](frame, tmp_path), model.input, classes=model.classes, id="who")
    found = read_all(source, model.input)
    assert found.ids == frame["who"].tolist()
    assert found.labels == frame["label"].tolist()
    assert torch.allclose(found.inputs.float(), torch.tensor(values), atol=1e-6)
    assert [number for number, chunk in source.chunks(3, frozenset({0, 2})) if chunk is None] == [0, 2]


def test_arrays_mapped_or_not(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((10, 3)).astype(np.float32)
    np.save(tmp_path / "rows.npy", values)
    input = xai.TensorInput()
    given = (values, torch.tensor(values), tmp_path / "rows.npy", np.load(tmp_path / "rows.npy", mmap_mode="r"))
    for data in given:
        found = read_all(open_source(data, input, labels=list(range(10))), input, 4)
        assert torch.equal(found.inputs, torch.tensor(values))
        assert found.labels == list(range(10))


class Pairs(torch.utils.data.Dataset):
    def __init__(self, values: torch.Tensor) -> None:
        self.values, self.read = values, []

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        self.read.append(row)
        if row == 5:
            raise OSError("a bad sector")
        return self.values[row], row % 3


def test_datasets_and_generators() -> None:
    data, input = images(8), image_model().input
    kept = [row for row in range(8) if row != 5]
    dataset = Pairs(data)
    source = open_source(dataset, input)
    found = read_all(source, input)
    assert (source.rows, found.errors) == (8, {5: "OSError: a bad sector"})
    assert torch.equal(found.inputs, data[kept])
    assert [found.labels[row] for row in kept] == [row % 3 for row in kept]
    dataset.read.clear()
    assert [number for number, chunk in source.chunks(3, frozenset({0})) if chunk is None] == [0]
    assert min(dataset.read) == 3
    stream = open_source(((row, 1) for row in data), input)
    found = read_all(stream, input)
    assert (stream.rows, found.labels) == (None, [1] * 8)
    assert torch.equal(found.inputs, data)


def test_dictionaries_are_rows_of_a_table() -> None:
    model = table_model()
    rows = [{**{name: float(number) for name in model.input.names}, "label": "yes", "who": "a"} for number in range(4)]
    found = read_all(open_source(iter(rows), model.input, id="who"), model.input)
    assert found.labels == ["yes"] * 4
    assert found.ids == ["a"] * 4
    assert found.inputs[:, 0].tolist() == [0, 1, 2, 3]


def test_a_generator_is_never_held_whole() -> None:
    taken = []

    def rows():
        for number in range(1000):
            taken.append(number)
            yield torch.zeros(2)

    chunks = open_source(rows(), xai.TensorInput()).chunks(10)
    next(chunks)
    assert len(taken) <= 11


@pytest.mark.parametrize(
    ("data", "named"),
    [("nowhere", "data"), (pd.DataFrame(), "data"), (np.zeros((0, 2)), "data"), (object(), "data")],
)
def test_what_is_no_data_is_named(data: object, named: str) -> None:
    with pytest.raises(InputError, match=f"^{named}: expected"):
        open_source(data, xai.TensorInput())


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"column 0": [1.0]})
    with pytest.raises(InputError, match=r"^id: expected a column 'who'"):
        list(open_source(frame, table_model().input, id="who").chunks(3))


def test_labels_of_a_run_are_names_of_classes(tmp_path: Path) -> None:
    model = table_model()
    frame = pd.DataFrame(np.eye(4), columns=model.input.names).assign(label=[0, 1, 1, None])
    found = xai.run(model, frame, ["saliency"], "none", tmp_path / "run", workers=0).to_frame()
    assert [None if value != value else value for value in found["label"]] == ["no", "yes", "yes", None]
    assert json.loads(found["diagnostics"][0])["zero_map"] is False
