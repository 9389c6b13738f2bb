"""Columns of a table that belong together, such as a one-hot block: hidden together, with one value for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from xai.base.errors import InputError, describe
from xai.base.name_lists import plain_names
from xai.inputs.parts import Parts

__all__ = ["group_positions", "grouped_parts", "plain_groups"]


def plain_groups(groups: object, names: Sequence[str], argument: str = "groups") -> dict[str, list[str]]:
    """Return groups as columns by the group's name; raises InputError for columns that are not there, or in two."""
    if not isinstance(groups, Mapping):
        raise InputError(argument, expected="lists of column names by the name of the group", got=describe(groups))
    wrong = next((name for name, columns in groups.items() if isinstance(columns, str)), None)
    if wrong is not None:
        raise InputError(argument, expected=f"a list of columns for {wrong!r}", got=repr(groups[wrong]))
    made = {str(name): plain_names(argument, columns) for name, columns in groups.items()}
    used = [column for columns in made.values() for column in columns]
    unknown = [column for column in used if column not in names]
    if unknown:
        raise InputError(argument, expected=f"columns among {list(names)}", got=repr(unknown[0]))
    double = [column for column in used if used.count(column) > 1]
    if double:
        raise InputError(argument, expected="each column in one group at most", got=f"{double[0]!r} in two")
    taken = [name for name in made if name in set(names) - set(used)]
    if taken:
        raise InputError(argument, expected="names that no other column has", got=repr(taken[0]))
    return made


def group_positions(groups: Mapping[str, Sequence[str]], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of the columns of each part: the groups, and each other column alone, in the table's order.

    >>> group_positions({"city": ["city=A", "city=B"]}, ["age", "city=A", "city=B"])
    {'age': [0], 'city': [1, 2]}
    """
    of = {column: group for group, columns in groups.items() for column in columns}
    found: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        found.setdefault(of.get(name, name), []).append(position)
    return found


def grouped_parts(batch: Tensor, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> Parts:
    """Return a part for each group of rows (N, D), and for each column that is in none."""
    positions = group_positions(groups, names)
    labels = torch.zeros(len(names), dtype=torch.int64, device=batch.device)
    for part, columns in enumerate(positions.values()):
        labels[columns] = part
    row = tuple(positions)
    return Parts(labels.expand(len(batch), -1).contiguous(), "features", "groups", (row,) * len(batch))
