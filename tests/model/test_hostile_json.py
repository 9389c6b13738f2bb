"""JSON that is no report, summary or result: a list, a number, a word, too deep."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from tests.model.test_hostile_files import READERS
from xai.base.errors import FolderError, InputError, XaiError
from xai.base.reading import DEEPEST, as_kind, parse_json, parse_toml

JSON = {
    "a list": "[]",
    "a number": "3",
    "a word": '"x"',
    "nothing": "",
    "null": "null",
    "deep lists": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lists a little too deep": '{"a": ' + "[" * 70 + "]" * 70 + "}",
    "a long number": '{"schema_version": ' + "1" * 5000 + "}",
    "half of one": '{"a": ',
    "no text": "\x00",
    "nothing in it": "{}",
    "another version": '{"schema_version": {"a": []}}',
    "a key that is a surrogate": '{"\\ud800": 1}',
}


@pytest.mark.parametrize("kind", JSON)
@pytest.mark.parametrize("reader", ["explanation", "summary", "audit", "report", "page"])
def test_json_that_is_none(tmp_path: Path, kind: str, reader: str) -> None:
    path, text = tmp_path / "file", JSON[kind]
    if reader == "explanation":
        path.write_bytes(save({"inputs": torch.zeros(1, 2)}, {"explanation": text}))
    elif reader == "page":
        path.write_text(f'<script type="application/json" id="data">{text}</script>')
    else:
        path.write_text(text)
    with pytest.raises(XaiError) as caught:
        READERS["report" if reader == "page" else reader](path)
    str(caught.value).encode()  # a message that can be printed
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_depth_and_kind() -> None:
    deepest = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    assert parse_json(deepest, "x")
    with pytest.raises(InputError, match="x: expected at most 64 levels"):
        parse_json(f"[[{deepest}]]", "x", error=InputError)
    assert as_kind([1], list[int], "x") == [1]
    with pytest.raises(FolderError, match="x: expected numbers"):
        as_kind(["a"], list[int], "x", wanted="numbers")
    assert parse_toml(b"a = 1", dict[str, int], "x") == {"a": 1}
