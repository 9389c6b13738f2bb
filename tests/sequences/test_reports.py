"""Reports on texts, series and encoder-decoders, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from models.networks.recurrent import recurrent, text_recurrent
from xai.base.errors import InputError
from xai.cli.main import main
from xai.inputs.sequence_files import read_series, read_texts
from xai.inputs.series import SequenceInput
from xai.inputs.text import TextInput
from xai.model.folder import save_model
from xai.model.model import Model
from xai.reports.presets.sequences import Sequences, sequence_report

WORDS = ["good", "bad", "film", "plot"]


def saved(folder: Path, factory: str, arguments: dict, **settings: object) -> Path:
    from xai.model.factory import build_network

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(None, factory, arguments, False)
    return save_model(Model(network, **settings), folder, factory=factory, arguments=arguments)


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_explain_texts(tmp_path: Path) -> None:
    arguments = {"words": 6, "outputs": 1, "cell": "gru", "hidden": 4, "embedding": 4}
    folder = saved(
        tmp_path / "m", "models.networks.recurrent:text_recurrent", arguments, task="binary",
        classes=["<b>nay", "yes"], input=TextInput(WORDS),
    )  # fmt: skip
    done = run("explain", str(folder), "A good <i>film", "-m", "saliency", "-o", str(tmp_path / "why.html"))
    assert done.exit_code == 0, done.output
    page = (tmp_path / "why.html").read_text()
    visible = page.split('<script type="application/json"')[0]
    assert "&lt;i&gt;" in visible
    assert "<i>" not in visible
    assert "&lt;b&gt;nay" in visible
    assert "<b>nay" not in visible
    assert "Gates" in page or "gates" in page
    assert isinstance(run("explain", str(folder), "?!", "-o", str(tmp_path / "x.html")).exception, InputError)
    wrong = run("explain", str(folder), "film", "-m", "gradcam", "-o", str(tmp_path / "x.html"))
    assert "methods: expected among" in str(wrong.exception)


def test_explain_an_encoder_decoder(tmp_path: Path) -> None:
    arguments = {"symbols": 6, "classes": 4, "hidden": 4, "embedding": 4, "longest": 5}
    folder = saved(
        tmp_path / "m", "models.networks.seq2seq:encoder_decoder", arguments, classes=["_", "|", "A", "B"],
        input=TextInput(list("abcd"), pattern="."),
    )  # fmt: skip
    done = run("explain", str(folder), "abc", "-o", str(tmp_path / "why.html"))
    assert done.exit_code == 0, done.output
    assert "attention" in (tmp_path / "why.html").read_text()


def test_a_report_on_series() -> None:
    network = recurrent(2, 3, cell="lstm", hidden=4)
    model = Model(network, classes=["x", "y", "z"], input=SequenceInput(["a", "b"], 6))
    series = torch.randn(12, 6, 2, generator=torch.Generator().manual_seed(0))
    data = Sequences(series, tuple(map(str, range(12))), torch.arange(12) % 3, "drawn")
    few = Sequences(series[:2], ("one", "two"), torch.tensor([0, 1]))
    page = sequence_report(model, few, data, methods=["integrated_gradients"]).html()
    assert "right on 12 labelled examples" in page
    assert (
        page.count('aria-label="Integrated gradients of a series') == 3
    )  # the first one stands on the first screen too


def test_series_files(tmp_path: Path) -> None:
    input = SequenceInput(["a", "b"], 3)
    (tmp_path / "s.csv").write_text("a,b\n1,2\n3,4\n")
    series, names = read_series([str(tmp_path / "s.csv")], input)
    assert series.tolist() == [[[1, 2], [3, 4], [0, 0]]]
    assert names == ("s.csv",)
    for content in ("1,x\n", "1,2\n3\n", "1,2,3\n", ""):
        (tmp_path / "bad.csv").write_text(content)
        with pytest.raises(InputError):
            read_series([str(tmp_path / "bad.csv")], input)
    with pytest.raises(InputError, match="a CSV file of steps"):
        read_series([str(tmp_path / "none.csv")], input)


def test_text_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a good film\n")
    assert read_texts([str(tmp_path / "a.txt"), "bad"]) == (["a good film", "bad"], ("a.txt", "bad"))
    with pytest.raises(InputError, match="a text file"):
        read_texts(["none.txt"])


@pytest.mark.parametrize("pattern", [r"\w+", r"[^\W_]+|[^\w\s]", "."])
def test_texts_from_numbers_have_these_numbers(pattern: str) -> None:
    words = list("abcd") if pattern == "." else WORDS
    input = TextInput(words, pattern=pattern)
    numbers = torch.tensor([[2, 1, 5, 0], [3, 3, 4, 2]])
    assert torch.equal(input.feed(input.texts(numbers)), numbers)
    with pytest.raises(InputError, match=r"TextInput\.texts"):
        input.texts(torch.tensor([[2, 0, 3]]))


def test_what_has_no_report_is_named() -> None:
    network = text_recurrent(6, 2, cell="rnn", hidden=3)
    model = Model(network, input=TextInput(WORDS), task="multilabel")
    with pytest.raises(InputError, match="a classifier of images, texts or series"):
        sequence_report(model, Sequences(model.prepare(["film"]), ("film",)))
