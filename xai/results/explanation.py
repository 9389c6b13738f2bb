"""What every method returns: the values, what they belong to, how they came about, and the evidence for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from xai.base.arguments import row_number, share, whole_number
from xai.base.errors import InputError, names_arguments, names_errors
from xai.results.digest_field import DigestField
from xai.results.display import Shown
from xai.results.explanation_file import SCHEMA_VERSION, read_explanation, with_old_keys, write_explanation
from xai.results.finding import Finding
from xai.results.imported_values import explanation_of
from xai.results.named_target import NamedTarget

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Explanation"]


@names_arguments
@dataclass(frozen=True, eq=False)
class Explanation(Shown):
    """A batch of explanations, one per row; `e[i]` is row i as a batch of one.

    Args:
        method: The method's name.
        inputs: What was explained, in the caller's units, (N, ...).
        target: The class of each row, a pair (a, b) for a rather than b, or a function of the output by its name.
        values: Of the shape of `inputs` where `over` is "input"; that of a layer's output, or (N, H, W) as a map in
            input size, where it is "layer"; else a list of one vector per row.
        over: What the values are of: "input", "layer", "segments" (areas of an image), "features" (columns of a table),
            "tokens" (parts of a text) or "steps" (of a series).
        prediction: Probabilities, or the values of a regression, (N, K).
        options: The keyword arguments that make it again, and under "run" how it was run.
        model_digest: The SHA-256 of the weights, or a function to it.
        names: Of the inputs' columns or channels, where they have names.
        classes: The names of the outputs.
        baseline: The name of what it is compared with, or a number.
        background: The numbers that the caller gave as a baseline (B is 1) or as rows of data, (B, 1 or N, ...).
        standard_error: Of the values, in their units, a tensor per row; of methods that draw.
        segments: Which of the values each pixel, character or step belongs to, -1 for none.
        row_names: How each value is called, where that differs by row.
        diagnostics: One dictionary per row.
        evidence: One tuple of findings per row.
        pooled: Findings over all rows.
        seed: Of what was drawn.
        schema_version: Of the file that `save` writes.
        remake: A function that makes values from elsewhere again; no file and no copy holds it.
    """

    method: str
    inputs: Tensor
    target: tuple[int | tuple[int, int] | NamedTarget, ...]
    values: Tensor | list[Tensor]
    over: str
    prediction: Tensor
    options: dict[str, Any]
    model_digest: DigestField = DigestField()  # noqa: RUF009 - a descriptor; reads as a str
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    baseline: str | float | None = None
    background: Tensor | None = None
    standard_error: list[Tensor] | None = None
    segments: Tensor | None = None
    row_names: tuple[tuple[str, ...], ...] | None = None
    diagnostics: tuple[dict[str, Any], ...] = ()
    evidence: tuple[tuple[Finding, ...], ...] = ()
    pooled: tuple[Finding, ...] = ()
    seed: int | None = None
    schema_version: int = SCHEMA_VERSION
    remake: Callable[[Any, Any, list], object] | None = None

    def __post_init__(self) -> None:
        vars(self).update(with_old_keys(self.options, self.diagnostics))  # it is frozen

    @classmethod
    @names_errors("Explanation.of")
    def of(
        cls,
        model: Any,
        inputs: object,
        values: object,
        target: object = None,
        *,
        claim: str = "additive",
        method: str = "elsewhere",
        baseline: object = None,
        names: Sequence | None = None,
        over: str | None = None,
        of: str | None = None,
        layer: str | None = None,
        remake: Callable[[Any, Any, list], object] | None = None,
    ) -> Explanation:
        """Return an explanation whose values were made elsewhere: verified, plotted, saved and reported as our own.

        Args:
            model: A `Model`, whose answer the values explain.
            inputs: A batch that the model's input takes, (N, ...).
            values: A tensor, an array or lists, what captum returns, or a `shap.Explanation`: of the inputs' shape, a
                map (H, W) for each image, a number for each step of a series, or for each text one for each word (or
                token of its tokenizer, special ones too). Of values by class (the last axis) the target's are taken.
            target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
            claim: What the values say, which is what checks test: "additive" (signed parts that add up to what the
                output loses against the baseline), "sensitivity" (how fast the output changes) or "region" (where).
            method: What made them, by name.
            baseline: What they are compared with, as for `occlusion`; of texts the string in place of a word, or None
                where words are taken out.
            names: Of the columns or channels; of texts the tokens of each, where they are no words.
            over: What the values are of, where the shape should say so: "input", "layer" (maps), "features" (columns),
                "steps" or "tokens".
            of: What they explain: "output", "probability" or "log_probability"; None is the output, or what the values
                add up to where they say from where on (shap's `base_values`).
            layer: Whose output the values are of, in place of the inputs; they have its shape, and so has a `baseline`.
            remake: A function (model, inputs, target) -> values, which gives the same values for the same model each
                time, and those of another model where it is handed one. Without it randomization, cascade and
                stability are untestable. Texts come as strings.

        Raises:
            InputError: The values do not fit the inputs, or are not finite.
            TargetError: There is no such class.

        >>> import torch, xai
        >>> model = xai.Model(torch.nn.Linear(3, 2))
        >>> e = xai.Explanation.of(model, torch.ones(1, 3), [[0.5, 0.0, -1.0]], 1, method="by hand")
        >>> e
        Explanation(by hand, 1 rows, over input, target 1)
        """
        settings: dict[str, Any] = {"claim": claim, "method": method, "baseline": baseline, "names": names}
        return explanation_of(model, inputs, values, target, **settings, over=over, of=of, layer=layer, remake=remake)

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int | slice) -> Explanation:
        """Return a row, or the rows of a slice, as a batch; raises IndexError where there is none."""
        try:
            rows = list(range(len(self)))[index]
        except (IndexError, TypeError) as error:
            raise IndexError(f"Explanation: index: expected one below {len(self)} or a slice, got {index}") from error
        if rows == []:
            raise IndexError(f"Explanation: index: expected a slice with some of {len(self)} rows, got {index}")
        return self.take(rows if isinstance(rows, list) else [rows])

    @names_errors("take")
    def take(self, rows: list[int]) -> Explanation:
        """Return some rows as a batch.

        Args:
            rows: Their numbers, from 0 on.
        """
        rows = [row_number("rows", row, len(self)) for row in rows]
        values = {name: getattr(self, name) for name in PER_ROW if getattr(self, name) is not None}
        part: dict[str, Any] = {name: _rows_of(value, rows) for name, value in values.items()}
        if self.background is not None and self.background.shape[1] > 1:
            part["background"] = self.background[:, rows]
        part["model_digest"] = DigestField.unread(self)
        if len(rows) < len(self):
            part["pooled"] = ()  # it was of all rows
        return replace(self, **part)

    def __iter__(self) -> Iterator[Explanation]:
        return (self[index] for index in range(len(self)))

    @names_errors("class_name")
    def class_name(self, number: int) -> str:
        """Return the name of a class, or its number where it has none.

        Args:
            number: Of the class, from 0.
        """
        number = whole_number("number", number)
        return self.classes[number] if number < len(self.classes) else str(number)

    @names_errors("target_name")
    def target_name(self, row: int = 0) -> str:
        """Say what was explained in a row: a class, or "a rather than b".

        Args:
            row: Its number.
        """
        target = self.target[row_number("row", row, len(self))]
        if isinstance(target, NamedTarget):
            return target.name
        if isinstance(target, tuple):
            return f"{self.class_name(target[0])} rather than {self.class_name(target[1])}"
        return self.class_name(target)

    @names_errors("value_names")
    def value_names(self, row: int = 0) -> list[str]:
        """Return a name for each value of a row: the row's own, the columns', or numbers.

        Args:
            row: Its number.
        """
        row = row_number("row", row, len(self))
        count = self.values[row].numel()
        names = self.row_names[row] if self.row_names is not None else self.names
        return list(names) if len(names) == count else [str(number) for number in range(count)]

    @names_errors("interval")
    def interval(self, confidence: float = 0.95) -> list[Tensor]:
        """Return the ends of each value's confidence interval, one (2, d) per row, from `standard_error`.

        It covers which samples were drawn, nothing else.

        Args:
            confidence: A share between 0 and 1.

        Raises:
            InputError: There is no standard error, or the confidence is no such share.
        """
        from scipy.stats import t

        if self.standard_error is None:
            raise InputError("explanation", expected="one with standard errors", got="one without")
        confidence = share("confidence", confidence)
        degrees = [item.get("degrees_of_freedom", float("inf")) for item in self.diagnostics or ({},) * len(self)]
        quantiles = t.ppf(0.5 + confidence / 2, degrees).tolist()  # of all rows in one call
        reaches = [quantile * error for quantile, error in zip(quantiles, self.standard_error, strict=True)]
        return [torch.stack([row - reach, row + reach]) for row, reach in zip(self.values, reaches, strict=True)]

    def heatmap(self) -> Tensor:
        """Return one signed map per row, (N, H, W), of volumes (N, D, H, W), in float32: see `xai.results.heatmaps`."""
        from xai.results.heatmaps import heatmaps_of

        return heatmaps_of(self)

    def __getstate__(self) -> dict[str, object]:
        """Return what a copy or another process gets: with the digest read, and without the network that it is of."""
        return {**vars(self), **DigestField.read(self), "remake": None}

    def to_frame(self) -> pd.DataFrame:
        """Return a long table: row, target, index or name, value, and the standard error where there is one."""
        from xai.results.long_table import long_table

        return long_table(self)

    def __repr__(self) -> str:
        return f"Explanation({self.method}, {len(self)} rows, over {self.over}, target {self.target_name()})"

    @names_errors("Explanation.save")
    def save(self, path: str | Path) -> Path:
        """Write everything to one safetensors file; no pickle.

        Args:
            path: Of the file.

        Raises:
            OutputError: It cannot be written.
        """
        return write_explanation(self, path)

    @classmethod
    @names_errors("Explanation.load")
    def load(cls, path: str | Path) -> Explanation:
        """Read what `save` wrote.

        Args:
            path: Of the file.

        Raises:
            FolderError: It is any other file.
        """
        return cls(**read_explanation(path))


PER_ROW = (
    "inputs", "target", "values", "prediction", "standard_error", "segments", "row_names", "diagnostics", "evidence",
)  # fmt: skip


def _rows_of(value: Tensor | list | tuple, rows: list[int]) -> Tensor | list | tuple:
    return value[rows] if isinstance(value, Tensor) else type(value)(value[row] for row in rows)
