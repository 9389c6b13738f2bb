"""Files from outside that are no files, too deep, too large or damaged: each reader names it at once."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

import xai
from tests.auditing.test_audit import table_model
from xai.base.errors import FolderError, XaiError
from xai.base.reading import read_plain
from xai.base.tensor_file import open_tensors
from xai.inputs.sequence_files import read_series, read_texts
from xai.inputs.series import SequenceInput
from xai.lime.training_summary import TrainingSummary
from xai.model.folder import load, read_description, save_model
from xai.reports.recheck import read_report, recheck
from xai.results.explanation import Explanation

TEXT = 'factory = "torch.nn:Linear"\ntask = "classification"\noutput = "logits"\n'
ARGUMENTS = "[arguments]\nin_features = 2\nout_features = 2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a model folder that names no digest, so that its weights are looked at."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.toml").write_text(TEXT + ARGUMENTS)
    save_file(nn.Linear(2, 2).state_dict(), tmp_path / "model/weights.safetensors")
    assert load(tmp_path / "model").network.in_features == 2
    return tmp_path / "model"


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the whole path may be longer than a socket's name can be
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.parent / "pipe")
    path.symlink_to("pipe")


NO_FILES = {
    "pipe": a_pipe, "folder": a_folder, "socket": a_socket,
    "endless": link_to("/dev/zero"), "terminal": link_to("/dev/tty"),
    "link to a pipe": link_to_a_pipe, "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": link_to("nowhere"), "a process's memory": link_to("/proc/self/mem"),
}  # fmt: skip
READERS: dict[str, Callable[[Path], object]] = {
    "explanation": Explanation.load,
    "summary": TrainingSummary.load,
    "audit": xai.AuditResult.load,
    "report": read_report,
    "report by recheck": lambda path: recheck(path, table_model()),
    "text": lambda path: read_texts([f"{path}"]),
    "series": lambda path: read_series([f"{path}"], SequenceInput(["a"], 3)),
    "image": lambda path: xai.inputs.image_files.read_image(path, xai.ImageInput((1, 8, 8))),
    "table": lambda path: TrainingSummary.of(path),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", NO_FILES)
class TestWhatIsNoFile:
    @pytest.mark.parametrize("name", ["model.toml", "weights.safetensors"])
    def test_in_a_model_folder(self, folder: Path, kind: str, name: str) -> None:
        (folder / name).unlink()
        NO_FILES[kind](folder / name)
        with pytest.raises(FolderError) as caught:
            load(folder)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("reader", READERS)
    def test_for_a_reader(self, tmp_path: Path, kind: str, reader: str) -> None:
        path = tmp_path / {"text": "file.txt", "table": "file.csv", "image": "file.png"}.get(reader, "file")
        NO_FILES[kind](path)
        with pytest.raises(XaiError) as caught:
            READERS[reader](path)
        assert "\n" not in str(caught.value)

    def test_for_a_writer_of_models(self, tmp_path: Path, kind: str) -> None:
        NO_FILES[kind](tmp_path / "model.toml")
        if kind in ("link to nothing", "link to itself", "a process's memory"):
            return  # is replaced by a file
        with pytest.raises(XaiError):
            save_model(xai.Model(nn.Linear(2, 2)), tmp_path, factory="torch.nn:Linear")


DEEP = 5000
DESCRIPTIONS = {
    "deep arrays": f"{TEXT}name = {'[' * DEEP}{']' * DEEP}\n",
    "deep tables": TEXT + "[arguments]\na = " + "{b = " * DEEP + "1" + "}" * DEEP + "\n",
    "a deep key": TEXT + "[origin]\n" + ".".join("a" * DEEP) + " = 1\n",
    "arrays a little too deep": f"{TEXT}[arguments]\na = {'[' * 70}{']' * 70}\n",
    "a long number": f"{TEXT}[origin]\na = {'1' * 5000}\n",
    "a long argument": f"{TEXT}[arguments]\nin_features = {'1' * 5000}\nout_features = 2\n",
    "a large argument": f"{TEXT}[arguments]\nin_features = {'1' * 4000}\nout_features = 2\n",
    "a date": f"{TEXT}[arguments]\nin_features = 2020-01-01\nout_features = 2\n",
    "a wrong type": TEXT.replace('"logits"', "3") + ARGUMENTS,
    "an unknown key": TEXT + "danger = 1\n" + ARGUMENTS,
    "an unknown kind of input": TEXT + '[input]\nkind = "brain"\n' + ARGUMENTS,
    "a list for the input": TEXT + "input = [1]\n" + ARGUMENTS,
    "two times a key": TEXT + TEXT + ARGUMENTS,
    "no TOML": "\x00\x01",
    "an empty file": "",
    "classes that are numbers": TEXT + "classes = [1, 2]\n" + ARGUMENTS,
    "a digest that is a path": f'{TEXT}weights_sha256 = "../../x"\n{ARGUMENTS}',
    "a digest of any length": f'{TEXT}weights_sha256 = "{"a" * 5000}"\n{ARGUMENTS}',
    "a row of no length": f'{TEXT}{ARGUMENTS}[input]\nkind = "tensor"\nshape = [-1]\n',
    "a row of no axis": f'{TEXT}{ARGUMENTS}[input]\nkind = "tensor"\nshape = []\n',
    "a row of numbers without end": f'{TEXT}{ARGUMENTS}[input]\nkind = "tensor"\nshape = [100000000000]\n',
    "a picture without end": f'{TEXT}{ARGUMENTS}[input]\nkind = "image"\nshape = [3, 200000, 200000]\n',
    "a series without end": f'{TEXT}{ARGUMENTS}[input]\nkind = "sequence"\nnames = ["a"]\nlength = 10000000000\n',
    "an infinite mean": TEXT + ARGUMENTS + '[input]\nkind = "image"\nshape = [1, 2, 2]\nstd = [nan]\n',
}


@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_descriptions_that_are_none(folder: Path, kind: str) -> None:
    (folder / "model.toml").write_text(DESCRIPTIONS[kind])
    with pytest.raises(FolderError) as caught:
        load(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_a_picture_that_another_program_would_draw(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    with pytest.raises(XaiError, match="expected an image of pixels, got EPS, which another program draws"):
        xai.inputs.image_files.read_image(tmp_path / "a.png", xai.ImageInput((1, 8, 8)))


def test_bytes_that_are_no_text_and_a_description_that_is_too_large(folder: Path) -> None:
    (folder / "model.toml").write_bytes(b"\xff\xfe" + TEXT.encode())
    with pytest.raises(FolderError, match="readable TOML"):
        load(folder)
    os.truncate(folder / "model.toml", 10 * 2**30)  # a hole: takes no room
    with pytest.raises(FolderError, match="at most 16 MiB"):
        load(folder)


@pytest.mark.timeout(10)
def test_very_many_classes_of_one_name(folder: Path) -> None:
    (folder / "model.toml").write_text(TEXT + "classes = [" + '"c",' * 200_000 + "]\n" + ARGUMENTS)
    assert len(load(folder).classes) == 200_000


def tensors_file(header: dict[str, object] | str, size: int) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size)


def entry(begin: int, end: int, shape: list[int] | None = None, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": [2, 2] if shape is None else shape, "data_offsets": [begin, end]}


BIAS = entry(16, 24, [2])
WEIGHTS = {
    "overlapping tensors": tensors_file({"weight": entry(0, 16), "bias": entry(8, 16, [2])}, 16),
    "the same bytes twice": tensors_file({"weight": entry(0, 16), "bias": entry(0, 8, [2])}, 16),
    "a hole": tensors_file({"weight": entry(0, 16), "bias": entry(20, 28, [2])}, 28),
    "bytes behind the last": tensors_file({"weight": entry(0, 16), "bias": BIAS}, 40),
    "too few bytes": tensors_file({"weight": entry(0, 16), "bias": BIAS}, 10),
    "backward": tensors_file({"weight": entry(16, 0), "bias": BIAS}, 24),
    "negative": tensors_file({"weight": entry(-16, 0), "bias": BIAS}, 24),
    "another size": tensors_file({"weight": entry(0, 16, [3, 2]), "bias": BIAS}, 24),
    "a negative shape": tensors_file({"weight": entry(0, 16, [-2, -2]), "bias": BIAS}, 24),
    "very many axes": tensors_file({"weight": entry(0, 4, [1] * 1000), "bias": entry(4, 12, [2])}, 12),
    "float8": tensors_file({"weight": entry(0, 4, dtype="F8_E4M3"), "bias": entry(4, 12, [2])}, 12),
    "an unknown type": tensors_file({"weight": entry(0, 16, dtype="F33"), "bias": BIAS}, 24),
    "an unknown key": tensors_file({"weight": {**entry(0, 16), "run": "x"}, "bias": BIAS}, 24),
    "metadata that are no words": tensors_file({"__metadata__": {"a": 1}, "weight": entry(0, 16), "bias": BIAS}, 24),
    "a deep header": tensors_file('{"weight": ' + "[" * DEEP + "]" * DEEP + "}", 24),
    "deep metadata": tensors_file('{"__metadata__": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}", 24),
    "a long number": tensors_file('{"weight": {"dtype": "F32", "shape": [' + "1" * 5000 + ']}}', 24),
    "a huge number": tensors_file({"weight": entry(0, 10**18, [10**17, 10**17]), "bias": BIAS}, 24),
    "a list": tensors_file("[]", 24),
    "a number": tensors_file("3", 24),
    "half a header": tensors_file('{"weight": {', 24),
    "no text": b"\x04" + bytes(7) + b"\xff\xfe\xff\xfe",
    "a header longer than the file": (10**9).to_bytes(8, "little") + b"{}",
    "a header of all numbers": b"\xff" * 64,
    "three bytes": b"abc",
    "nothing": b"",
    "too large for the network": save(
        {"weight": torch.full((2, 2), 1e300, dtype=torch.float64), "bias": torch.zeros(2)}
    ),
    "infinity": save({"weight": torch.full((2, 2), torch.inf), "bias": torch.zeros(2)}),
    "complex": save({"weight": torch.zeros(2, 2, dtype=torch.complex64), "bias": torch.zeros(2)}),
    "whole numbers": save({"weight": torch.zeros(2, 2, dtype=torch.int32), "bias": torch.zeros(2)}),
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
}  # fmt: skip


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_that_are_none(folder: Path, kind: str) -> None:
    (folder / "weights.safetensors").write_bytes(WEIGHTS[kind])
    with pytest.raises(FolderError, match=r"weights\.safetensors") as caught:
        load(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_a_wider_type_that_fits_loads(folder: Path) -> None:
    save_file({"weight": torch.ones(2, 2, dtype=torch.float64), "bias": torch.zeros(2, dtype=torch.float16)},
              folder / "weights.safetensors")  # fmt: skip
    assert load(folder).network.weight.dtype == torch.float32


def test_a_network_of_a_type_that_no_folder_holds_is_named(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    network.register_buffer("tiny", torch.zeros(2).to(torch.float8_e4m3fn))
    with pytest.raises(FolderError, match="tiny: expected weights of a type that a folder holds, got float8"):
        save_model(xai.Model(network), tmp_path / "m", factory="torch.nn:Linear")
    assert not (tmp_path / "m").exists()


def test_every_type_comes_back(tmp_path: Path) -> None:
    from xai.base.tensor_file import DTYPES

    made = {name: torch.arange(6).reshape(2, 3).to(dtype) for name, dtype in DTYPES.items()}
    made |= {"empty": torch.zeros(0, 3), "one": torch.tensor(3.0)}
    save_file(made, tmp_path / "all")
    with open_tensors(tmp_path / "all") as file:
        found = file.read_all()
    assert found.keys() == made.keys()
    for name, value in made.items():
        assert found[name].dtype == value.dtype
        assert found[name].tolist() == value.tolist()
        assert found[name].shape == value.shape


HALF = "half\ud800"


def test_half_characters_are_shown_as_escapes(tmp_path: Path) -> None:
    """In names, classes and titles: of files, tables, pages and notebooks; never an error of encoding."""
    shown = "half\\ud800"
    model = xai.Model(nn.Linear(2, 2), classes=[HALF, "b"], input=xai.TabularInput([HALF, "y"]), name=HALF)
    settings = {"arguments": {"in_features": 2, "out_features": 2}, "origin": {"note": HALF}}
    loaded = load(save_model(model, tmp_path / "m", factory="torch.nn:Linear", **settings))
    assert loaded.classes == [shown, "b"]
    assert loaded.input.names == [shown, "y"]
    assert read_description(tmp_path / "m").origin["note"] == shown
    made = xai.integrated_gradients(model, torch.rand(1, 2), 0)
    assert Explanation.load(made.save(tmp_path / "e")).classes == (HALF, "b")
    assert made.to_frame().name.tolist() == [shown, "y"]
    assert set(made.to_frame().target) == {shown}
    for page in (made._repr_html_(), xai.Report(HALF, [made]).html()):
        page.encode()
        assert shown in page
    path = xai.Report(HALF, [made]).save(tmp_path / "r.html")
    assert path.read_text("utf-8") == xai.Report(HALF, [made]).html()
    summary = TrainingSummary.of([[float(row), 1.0 * (row % 3)] for row in range(9)], names=[HALF, "y"])
    assert TrainingSummary.load(summary.save(tmp_path / "s")) == summary


def test_a_file_larger_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_plain(tmp_path / "x", "a file", limit=5) == b"12345"
    with pytest.raises(FolderError, match="at most"):
        read_plain(tmp_path / "x", "a file", limit=4)
    with pytest.raises(FolderError, match="a file"):
        read_plain("a\0b", "a file", limit=4)
