"""The same rows give the same bytes whichever way they are read: files, arrays, Datasets, generators."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import xai
from tests.runs.folders import image_model, table_model
from xai.runs.store import Run

GIVEN = {"methods": ["integrated_gradients"], "checks": ["completeness"], "shard_rows": 4, "workers": 0}
GIVEN |= {"options": {"integrated_gradients": {"steps": 4}}}
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8)
PICTURES = torch.from_numpy(PIXELS / 255).float()[:, None]
ROWS = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
WHICH = [row % 2 for row in range(9)]


def png(row: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[row]).save(buffer, "png")
    return buffer.getvalue()


def image_folder(folder: Path) -> Path:
    for row in range(9):
        place = folder / "images" / f"{row}.png"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(png(row))
    return folder / "images"


def tar_file(folder: Path) -> Path:
    with tarfile.open(folder / "images.tar", "w") as archive:
        for row in range(9):
            for name, content in ((f"{row}.png", png(row)), (f"{row}.cls", str(WHICH[row]).encode())):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return folder / "images.tar"


def saved(folder: Path, values: np.ndarray) -> Path:
    np.save(folder / "rows.npy", values)
    return folder / "rows.npy"


def mapped(folder: Path, values: np.ndarray) -> np.ndarray:
    return np.load(saved(folder, values), mmap_mode="r")


def of_tensors(values: np.ndarray) -> TensorDataset:
    return TensorDataset(torch.from_numpy(values), torch.tensor(WHICH))


def table(path: Path | None = None) -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=table_model().input.names).assign(label=WHICH)


def parquet_folder(folder: Path) -> Path:
    (folder / "parts").mkdir()
    table()[:5].to_parquet(folder / "parts" / "0.parquet", row_group_size=2)
    table()[5:].to_parquet(folder / "parts" / "1.parquet")
    return folder / "parts"


def arrow_file(folder: Path) -> Path:
    table().to_feather(folder / "rows.arrow")
    return folder / "rows.arrow"


def csv_file(folder: Path) -> Path:
    table().to_csv(folder / "rows.csv", index=False)  # nine digits, which float32 needs and no more
    return folder / "rows.csv"


def forms(values: np.ndarray) -> dict[str, Callable[[Path], object]]:
    """Return what any kind of input may come as."""
    return {
        "memmap": lambda folder: mapped(folder, values),
        "npy": lambda folder: saved(folder, values),
        "tensor": lambda folder: torch.from_numpy(values),
        "dataset": lambda folder: of_tensors(values),
        "loader": lambda folder: DataLoader(of_tensors(values), batch_size=2),
        "generator": lambda folder: ((row, label) for row, label in zip(values, WHICH, strict=True)),
    }


OF_PICTURES = {**forms(PICTURES.numpy()), "folder": image_folder, "tar": tar_file}
OF_TABLES = {
    **forms(ROWS), "parquet": parquet_folder, "arrow": arrow_file, "csv": csv_file, "frame": table,
    "dictionaries": lambda folder: iter(table().to_dict("records")),
}  # fmt: skip


def values_of(run: Run) -> list[bytes]:
    return [path.read_bytes() for path in sorted((run.folder / "values").iterdir())]


def lines_of(run: Run) -> pd.DataFrame:
    return run.to_frame().drop(columns=["id", "label", "correct"])  # ids are paths or numbers


KINDS = {
    "pictures": (image_model, PICTURES.numpy(), OF_PICTURES),
    "tables": (table_model, ROWS, OF_TABLES),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Return the run of an array in memory, by kind."""
    folder = tmp_path_factory.mktemp("whole")
    return {kind: xai.run(model(), data, out=folder / kind, **GIVEN) for kind, (model, data, _) in KINDS.items()}


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, entry in KINDS.items() for form in entry[2]])
def test_the_same_rows_give_the_same_bytes(kind: str, form: str, whole: dict[str, Run], tmp_path: Path) -> None:
    model, _, known = KINDS[kind]
    run = xai.run(model(), known[form](tmp_path), out=tmp_path / "run", **GIVEN)
    assert values_of(run) == values_of(whole[kind])
    pd.testing.assert_frame_equal(lines_of(run), lines_of(whole[kind]))
