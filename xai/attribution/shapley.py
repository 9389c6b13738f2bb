"""Kernel SHAP: Shapley values of the parts of an input, from coalitions in which some are shown and others not."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

from xai.attribution.hidden_parts import absent_parts, parts_of, scores_under
from xai.base.arguments import whole_number
from xai.base.coalitions import Coalitions, Permutations, coalitions, every_coalition, permutations
from xai.base.errors import InputError, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["kernel_shap"]

ALGORITHMS = ("kernel", "permutation", "exact")
BASE_SAMPLES = 1024


@names_errors("kernel_shap")
def kernel_shap(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    background: object = None,
    segments: object = None,
    channels: str = "together",
    samples: int | None = None,
    algorithm: str = "kernel",
    of: str = "output",
    layer: str | None = None,
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the Shapley value of each part of the input: its mean effect over all orders of showing the parts.

    Parts are segments of an image, cubes of a volume, columns of a table, steps of a series or words of a text. The
    values of a row add up to the output at the input minus its mean over the background, exactly. Where all coalitions
    fit into `samples` they are all evaluated and the values are exact; otherwise pairs of a coalition and its
    complement are drawn, and `standard_error` says how far off that may be.

    Args:
        model: What is explained.
        inputs: (N, C, H, W), (N, C, D, H, W), (N, columns), (N, steps, channels) or texts.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        background: What stands where a part is not shown: a baseline ("zero", "mean", "noise", "blur", a number),
            several, or rows of data (B, ...) or a DataFrame of them; None is "zero". Of texts "mask", "removed" or a
            string; None is the tokenizer's mask token, where it has one.
        segments: Of images, as in `lime_image`; of texts "words", "sentences", "tokens" or other units as for
            `lime_text`; of series "signal" (windows between the points where its mean changes), a number of windows,
            or labels of its steps; of others None, or labels of their positions; of tables also columns that are shown
            together, by the name of the group. A group of the model's input counts as one part.
        channels: Of the windows of a series: "together", or "apart" where each channel of a window is a part.
        samples: Coalitions, by default 1,024 and four for each part.
        algorithm: "kernel" (weighted least squares); "permutation", the mean effect over random orders, each beside its
            reverse; or "exact", all coalitions whatever `samples` is, of up to 20 parts.
        of: What is explained: "output", "probability" or "log_probability".
        layer: Whose output to explain in place of the inputs.
        seed: Of the coalitions; the same gives the same numbers.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: a list of one vector per row, signed, in units of `of`.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Sources: Lundberg, Lee 2017, arXiv:1705.07874; Covert, Lee 2021, arXiv:2012.01536; of orders Štrumbelj, Kononenko
    2014, doi:10.1007/s10115-013-0679-x, and Mitchell et al. 2022, arXiv:2104.12199.

    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, 0] * x[:, 1]
    >>> kernel_shap(Model(Product(), task="regression"), [[2.0, 3.0]]).values[0]
    tensor([3., 3.])
    """
    samples = None if samples is None else whole_number("samples", samples, 2)
    if algorithm not in ALGORITHMS:
        raise InputError("algorithm", expected=f"one of {', '.join(ALGORITHMS)}", got=repr(algorithm))
    passes = samples or BASE_SAMPLES
    settings = {"of": of, "seed": seed, "passes": passes, "exact": exact, "batch_size": batch_size, "layer": layer,
                "scores_only": True}  # fmt: skip
    with model.explaining("kernel_shap", inputs, target, **settings) as session:
        parts = parts_of(session, segments, channels)
        background_rows, name = absent_parts(session, background, "background")
        hiding = session.kind.hiding(session.inputs, parts, background_rows)
        full = session.scores(session.inputs, session.rows)
        dtype = session.inputs.dtype if session.inputs.is_floating_point() else torch.float32
        counts = torch.tensor(parts.counts())
        nothing = torch.zeros(1, int(counts.max()), dtype=torch.bool)
        empty = scores_under(session, hiding, nothing, session.rows)[:, 0]
        single = parts.over == "steps" and not parts.names
        positions = parts.labelled().shape[1] if single else 0  # padding is no part, and has the value 0
        values: list[Tensor] = [full] * len(session)
        errors: list[Tensor] = [full] * len(session)
        for size in sorted(set(counts.tolist())):
            # One set of coalitions for all rows with as many parts: it depends on nothing else of the batch.
            drawn = _drawn(algorithm, size, samples, session)
            rows = torch.where(counts == size)[0].to(session.inputs.device)
            answers = scores_under(session, hiding, drawn.shown, rows)
            found, deviations = drawn.solve(answers.cpu() - empty[rows, None].cpu(), (full - empty)[rows].cpu())
            for position, row in enumerate(rows.tolist()):
                padded = (pad(part[position], (0, max(0, positions - size))) for part in (found, deviations))
                values[row], errors[row] = (part.to(dtype) for part in padded)
                session.diagnostics[row] |= {
                    "samples": len(drawn.shown), "enumerated": drawn.enumerated,
                    "degrees_of_freedom": drawn.freedom,
                }  # fmt: skip
        known = name if background is None else background
        options = {"background": "given" if name == "data" else known, "samples": samples, "of": of}
        if algorithm != "kernel":
            options["algorithm"] = algorithm
        named: dict[str, object] = {"segments": parts.labels} if parts.names or parts.over != "features" else {}
        if parts.names:
            named["row_names"] = parts.names
        if isinstance(segments, Mapping):
            options["segments"] = segments
        elif parts.over == "segments":
            options["segments"] = parts.cut
            named["names"] = ()  # those of columns are not those of segments
        if parts.over == "steps" and parts.names:
            options |= {"segments": segments if isinstance(segments, int | None) else parts.cut, "channels": channels}
        if parts.over == "tokens":
            options["segments"], named["row_names"] = parts.cut, parts.names
        return session.explanation(
            "kernel_shap", values, parts.over, standard_error=errors, baseline=name, options=options, **named
        )


def _drawn(algorithm: str, size: int, samples: int | None, session: Session) -> Coalitions | Permutations:
    """Return the coalitions or the orders of so many parts."""
    generator, usual = session.generator(None, stream=size), BASE_SAMPLES + 4 * size
    if algorithm == "exact":
        return every_coalition(size)
    return (permutations if algorithm == "permutation" else coalitions)(size, samples or usual, generator)
