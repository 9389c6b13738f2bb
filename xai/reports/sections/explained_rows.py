"""Single texts, series or rows of a table: the answer, what the input holds, and what each method says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xai.reports.bodies import explanation_body
from xai.reports.bodies_of_results import gates_body
from xai.reports.cards import probability_bars, row_numbers
from xai.reports.escape import render
from xai.reports.page import Section
from xai.results.explanation import Explanation
from xai.results.sequence_results import Gates

__all__ = ["explained_rows_section"]


def explained_rows_section(
    made: Sequence[Explanation],
    names: Sequence[str],
    labels: Sequence[int] | None = None,
    *,
    one_of: bool = True,
    cells: Callable[[int], list[tuple[str, str]]] | None = None,
    gates: Gates | None = None,
) -> Section:
    """Return the section of a card for each row, and the numbers behind the cards.

    Args:
        made: What each method says of the same rows.
        names: What the rows are called.
        labels: Their classes, by number, where they are known.
        one_of: Is the answer one class of several? Else it is its values.
        cells: Makes what stands in each column of a row, from its number.
        gates: The gates of a recurrent network on these rows.
    """
    prediction = made[0].prediction
    classes = list(made[0].classes) or [str(number) for number in range(prediction.shape[1])]
    views, numbers = [], []
    for row, name in enumerate(names):
        answer = prediction[row]
        predicted = classes[int(answer.argmax())] if one_of else ", ".join(f"{value:.4g}" for value in answer.tolist())
        views.append(
            {
                "id": f"example-{row + 1}",
                "name": name,
                "predicted": predicted,
                "probability": float(answer.max()) if one_of else None,
                "truth": None if labels is None else classes[labels[row]],
                "bars": probability_bars(answer, classes) if one_of else None,
                "cells": None if cells is None else cells(row),
                "bodies": [explanation_body(item[row]) for item in made],
                "gates": None if gates is None else gates_body(gates[row]),
            }
        )
        found = [row_numbers(item, row) for item in made]
        numbers.append({"name": name, "predicted": predicted, "explanations": found})
    body = render("sequence_examples.html", examples=views)
    return Section("examples", "Why it said so", body, {"examples": numbers})
