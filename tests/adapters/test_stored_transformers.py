"""A classifier of Hugging Face in a model folder, with its tokenizer: strings in, without code that nobody trusted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from tokenizers import Tokenizer, models
from tokenizers.pre_tokenizers import Whitespace
from torch import nn

import xai
from tests.texts import small
from xai.adapters.transformers import from_transformers
from xai.base.errors import FolderError
from xai.cli.main import main
from xai.inputs.tokenizers import tokenizer_of
from xai.model.configured import by_settings

TEXTS = ["a dull film", "wonderful actors, a wonderful story, unwatchable and dull, boring and bad"]
PAIRS = [("a dull film", "the story is good"), ("actors", "bad")]
FACTS = ("padding", "mask", "unknown", "special", "typed", "size", "longest", "cut_from")


@pytest.fixture(autouse=True)
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = tmp_path / "config/xai/settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('[trust]\npackages = ["transformers"]')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return settings


def bert(**settings: Any) -> xai.Model:
    tokenizer = small.bert_tokenizer(model_max_length=16, truncation_side="left")
    return from_transformers(small.bert(problem_type="single_label_classification", **settings).float(), tokenizer)


def gpt() -> xai.Model:
    return from_transformers(small.gpt_classifier().float(), small.fast(small.byte_pairs()))


@pytest.mark.filterwarnings("ignore:inputs. row 1 is cut")
@pytest.mark.parametrize("kind", ["bert", "gpt"])
def test_a_folder_holds_the_tokenizer_and_answers_as_the_model_does(kind: str, tmp_path: Path) -> None:
    make = {
        "bert": bert,
        "gpt": lambda: from_transformers(small.gpt_classifier().float(), small.fast(small.byte_pairs())),
    }
    model = make[kind]()
    folder = xai.save_model(model, tmp_path / "m")
    found = xai.load(folder)
    assert torch.equal(found.predict(TEXTS), model.predict(TEXTS))
    assert torch.equal(found.predict(PAIRS), model.predict(PAIRS))
    ours, theirs = found.input.tokenizer, model.input.tokenizer
    assert [getattr(ours, name) for name in FACTS] == [getattr(theirs, name) for name in FACTS]
    assert ours.encode(TEXTS) == theirs.encode(TEXTS)
    again = xai.load(xai.save_model(found, tmp_path / "again"))
    assert torch.equal(again.predict(TEXTS), model.predict(TEXTS))


def test_the_command_line_explains_strings(tmp_path: Path, allowed: Path) -> None:
    folder = xai.save_model(bert(), tmp_path / "m")
    page = tmp_path / "e.html"
    asked = ["explain", str(folder), "a dull film", "-m", "occlusion", "-o", str(page)]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert all(word in page.read_text() for word in TEXTS[0].split())
    allowed.unlink()
    with pytest.raises(FolderError, match="would run BertForSequenceClassification of transformers"):
        CliRunner().invoke(main, asked, catch_exceptions=False)


def test_a_setting_that_is_none_stays_none(tmp_path: Path) -> None:
    network = small.gpt_classifier()
    network.config.summary_activation, network.config.eos_token_id = "tanh", None
    folder = xai.save_model(xai.Model(network, input=xai.TextInput.of(small.fast(small.byte_pairs()))), tmp_path / "m")
    config = xai.load(folder).network.config
    assert (config.summary_activation, config.eos_token_id, config.bos_token_id) == ("tanh", None, 0)


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation", "auto_map", "quantization_config"])
def test_a_setting_that_would_fetch_something_is_refused(name: str, tmp_path: Path) -> None:
    folder = xai.save_model(bert(), tmp_path / "m")
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace("[arguments]", f'[arguments]\n{name} = "somebody/code"'))
    for trust in (False, True):
        with pytest.raises(FolderError, match=f"arguments: {name}: expected none: nothing is fetched"):
            xai.load(folder, trust_code=trust)


class Config:
    def __init__(self, **settings: object) -> None:
        self.settings = settings


class Composite(nn.Module):
    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.settings = config.settings


def test_nothing_is_fetched_by_a_config_within_another() -> None:
    build = by_settings(Composite)
    part = {"hidden_size": 4, "use_pretrained_backbone": False}
    assert build(text_config=part, unset=["other"]).settings == {"text_config": part, "other": None}
    for name, value in (("attn_implementation", "somebody/code"), ("use_pretrained_backbone", True)):
        for nested in ({name: value}, {"parts": [{name: value}]}):
            with pytest.raises(FolderError, match=f"arguments: text_config: .*{name}: expected none"):
                build(text_config=nested)
    for unset in ([3], ["text_config"]):
        with pytest.raises(FolderError, match="arguments: unset: expected names that have no value beside"):
            build(text_config=part, unset=unset)


def test_a_model_that_is_replaced_takes_its_tokenizer_along(tmp_path: Path) -> None:
    folder = xai.save_model(bert(), tmp_path / "m")
    before = set(folder.glob("tokenizer-*.json"))
    (folder / "tokenizer.json").write_text("somebody's own")
    shorter = from_transformers(small.bert().float(), small.bert_tokenizer(model_max_length=4))
    xai.save_model(shorter, folder)
    (after,) = folder.glob("tokenizer-*.json")
    assert {after} != before
    assert (folder / "tokenizer.json").exists()
    with pytest.warns(xai.XaiWarning, match="are cut|is cut"):
        assert torch.equal(xai.load(folder).predict(TEXTS), shorter.predict(TEXTS))


def words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def embedding_bag(tmp_path: Path) -> Path:
    model = xai.Model(nn.EmbeddingBag(4, 2), classes=["no", "yes"], input=xai.TextInput.of(words()))
    arguments = {"num_embeddings": 4, "embedding_dim": 2}
    return xai.save_model(model, tmp_path, factory="torch.nn:EmbeddingBag", arguments=arguments)


def test_a_file_of_ones_own_needs_its_name_alone(tmp_path: Path) -> None:
    """Beside a network of torch it needs no trust, and nothing of transformers."""
    folder = embedding_bag(tmp_path)
    expected = xai.load(folder).predict(["good", "bad good"])
    words().save(str(folder / "mine.json"))
    text = re.sub(
        r"(?s)\[tokenizer\].*?\n\n", '[tokenizer]\nfile = "mine.json"\n\n', (folder / "model.toml").read_text()
    )
    (folder / "model.toml").write_text(text)
    assert torch.equal(xai.load(folder).predict(["good", "bad good"]), expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("file = .*", 'file = "../other.json"'), "the name of a file in the folder"),
        (("file = .*", 'file = "none.json"'), "no file"),
        (("mask = .*", "mask = 4"), r"mask: expected an id below 4, or -1 for none, got 4"),
        ((r"special = \[[^\]]*\]", "special = [-2]"), "special: expected an id below 4"),
        (("(?m)^sha256 = .*", 'sha256 = "0"'), "the one of model.toml"),
        (('kind = "text"', 'kind = "text"\nvocabulary = ["a"]'), "an input of texts without a vocabulary"),
        (("mask = .*", "maks = 4"), "maks"),
    ],
)
def test_a_wrong_section_is_one_line(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    folder = embedding_bag(tmp_path)
    text = (folder / "model.toml").read_text()
    changed = re.sub(*change, text, count=1)
    assert changed != text
    (folder / "model.toml").write_text(changed)
    with pytest.raises(FolderError, match=words) as caught:
        xai.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model": {"type": "BPE"}}', b"[" * 100_000])
def test_a_file_that_is_no_tokenizer_is_named(content: bytes, tmp_path: Path) -> None:
    folder = embedding_bag(tmp_path)
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(re.sub(r"(?m)^sha256 = .*\n", "", text))
    next(folder.glob("tokenizer-*.json")).write_bytes(content)
    with pytest.raises(FolderError, match="a file of a tokenizer"):
        xai.load(folder)


def test_what_a_folder_cannot_hold_is_named(tmp_path: Path) -> None:
    slow = tokenizer_of(small.bert_tokenizer())
    slow.tokenizer = SlowTokenizer()
    with pytest.raises(FolderError, match="a fast tokenizer, which one file holds"):
        xai.save_model(xai.Model(nn.EmbeddingBag(9, 2), input=xai.TextInput(tokenizer=slow)), tmp_path, factory="a:b")
    with pytest.raises(FolderError, match="factory: expected one, but for a network of transformers"):
        xai.save_model(xai.Model(nn.Linear(2, 2)), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FolderError, match=r"a folder of transformers \(xai\.from_transformers\)"):
        xai.load(tmp_path)


class SlowTokenizer:
    is_fast = False
