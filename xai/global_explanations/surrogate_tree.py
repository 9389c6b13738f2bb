"""A decision tree that imitates the whole model, with how often it agrees on rows that it has not seen."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.base.statistics import ALPHA, wilson
from xai.global_explanations.table_calls import column_names, require_table, words_of
from xai.model.model import Model
from xai.results.finding import Finding
from xai.results.global_results import SurrogateTree

__all__ = ["surrogate_tree"]

OPERATION = "surrogate_tree"
FAITHFUL = 0.9


@names_errors("surrogate_tree")
def surrogate_tree(
    model: Model,
    data: object,
    held_out: object = None,
    *,
    leaves: int = 16,
    depth: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> SurrogateTree:
    """Return a decision tree grown on the model's own answers, its rules as text, and its fidelity on held-out rows.

    Categorical columns are split by word ("city = Oslo"). Fidelity is the share of held-out rows on which the tree
    answers as the model does; of a regression, R2. The finding compares it with always giving the most frequent answer
    (McNemar's test, exact): a tree that does no better explains nothing, however often it agrees; below 0.9 it leaves
    out much.

    Args:
        model: Of tables.
        data: Rows (N, D) to grow on.
        held_out: Rows to measure on; by default a quarter of the data, drawn at random, is kept for it.
        leaves: The most leaves.
        depth: The most splits on the way to a leaf; None for any number.
        seed: Of the draw of held-out rows.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Craven, Shavlik 1996 (Trepan); Bastani et al. 2017, arXiv:1705.08504.

    >>> model = Model.from_callable(lambda x: np.stack([x[:, 0] < 0.5, x[:, 0] >= 0.5], 1), classes=["low", "high"])
    >>> tree = surrogate_tree(model, np.random.default_rng(0).random((200, 2)))
    >>> tree.leaves, tree.fidelity > 0.95
    (2, True)
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, export_text

    leaves = whole_number("leaves", leaves, 2)
    depth = None if depth is None else whole_number("depth", depth, 1)
    rows, answers, names = _answers(model, data, seed, batch_size)
    if held_out is None:
        if len(rows) < 8:
            raise InputError("data", expected="at least 8 rows", got=f"{len(rows)}")
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).numpy()
        kept, grown = order[: len(rows) // 4], order[len(rows) // 4 :]
        tests, answered = rows[kept], answers[kept]
        rows, answers = rows[grown], answers[grown]
    else:
        tests, answered, _ = _answers(model, held_out, seed, batch_size)
    kind = DecisionTreeRegressor if model.task == "regression" else DecisionTreeClassifier
    tree = kind(max_leaf_nodes=leaves, max_depth=depth, random_state=0).fit(rows, answers)
    predicted_by_tree = tree.predict(tests)
    classes = tuple(model.classes or map(str, range(2 if answers.ndim > 1 else int(answers.max()) + 1)))
    settings = {"feature_names": list(names), "decimals": 4, "max_depth": leaves}
    if model.task == "regression":
        fidelity, interval, baseline, finding = _of_numbers(predicted_by_tree, answered, answers)
    else:
        fidelity, interval, baseline, finding = _of_classes(predicted_by_tree, answered, answers)
        settings["class_names"] = [classes[number] for number in tree.classes_]
    return SurrogateTree(
        tree=tree,
        names=names,
        classes=() if model.task == "regression" else classes,
        rules=_readable(export_text(tree, **settings)),
        fidelity=fidelity,
        interval=interval,
        baseline=baseline,
        held_out=len(tests),
        leaves=int(tree.get_n_leaves()),
        depth=int(tree.get_depth()),
        evidence=(finding,),
        model_digest=model.digest(),
    )


def _answers(
    model: Model, data: object, seed: int, batch_size: int | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return rows with a column per word, the model's answers (classes, or a regression's numbers), and the names."""
    if model.task == "multilabel":
        raise InputError("model", expected="a classifier or a regression", got="task 'multilabel'")
    with model.explaining(OPERATION, data, 0, seed=seed, batch_size=batch_size) as session:
        require_table(model, session.inputs)
        if model.task == "regression" and session.prediction.shape[1] != 1:
            raise InputError("model", expected="one output", got=f"{session.prediction.shape[1]}")
        regression = model.task == "regression"
        answers = session.prediction[:, 0].double() if regression else session.prediction.argmax(1)
        columns: list[Tensor] = []
        names: list[str] = []
        for number, name in enumerate(column_names(model, session.inputs)):
            column, words = session.inputs[:, number], words_of(model, name)
            if words is None:
                columns.append(column)
                names.append(name)
            else:
                columns.extend((column == code).to(column) for code in range(len(words)))
                names.extend(f"{name} = {word}" for word in words)
        return torch.stack(columns, 1).double().cpu().numpy(), answers.cpu().numpy(), tuple(names)


def _of_classes(
    predicted_by_tree: np.ndarray, answered: np.ndarray, answers: np.ndarray
) -> tuple[float, tuple[float, float], float, Finding]:
    count, usual = len(answered), np.bincount(answers).argmax()
    agrees, simply = predicted_by_tree == answered, usual == answered
    interval = wilson(int(agrees.sum()), count)
    fidelity, baseline = float(agrees.mean()), float(simply.mean())
    better, worse = int((agrees & ~simply).sum()), int((~agrees & simply).sum())
    p_value = float(binomtest(better, better + worse, alternative="greater").pvalue) if better + worse else 1.0
    says = f"On {count} rows it has not seen, the tree answers as the model does on {fidelity:.1%}"
    return fidelity, interval, baseline, _finding(says, fidelity, baseline, p_value)


def _of_numbers(
    predicted_by_tree: np.ndarray, answered: np.ndarray, answers: np.ndarray
) -> tuple[float, tuple[float, float], float, Finding]:
    from scipy.stats import wilcoxon

    total = float(((answered - answers.mean()) ** 2).mean())
    if total <= 0:
        raise InputError("held_out", expected="rows on which the answers vary", got=describe(answered))
    errors, simple = (answered - predicted_by_tree) ** 2 / total, (answered - answers.mean()) ** 2 / total
    fidelity, reach = 1 - float(errors.mean()), 1.96 * float(errors.std(ddof=1)) / len(errors) ** 0.5
    p_value = float(wilcoxon(simple, errors, alternative="greater").pvalue) if np.any(simple != errors) else 1.0
    says = f"On {len(answered)} rows it has not seen, the tree explains {fidelity:.1%} of the variance of the answers"
    return fidelity, (fidelity - reach, fidelity + reach), 0.0, _finding(says, fidelity, 0.0, p_value)


def _finding(says: str, fidelity: float, baseline: float, p_value: float) -> Finding:
    control = f"always the most frequent answer (or the mean): {baseline:.1%}"
    details = {"p_value": p_value, "fidelity": fidelity, "baseline": baseline}
    if p_value > ALPHA:
        text = f"Not supported: {says[0].lower()}{says[1:]}, no better than one answer for all ({baseline:.1%})."
        return Finding("surrogate", "fail", p_value, ALPHA, control, text, details)
    text = f"{says}; one answer for all would reach {baseline:.1%}."
    if fidelity < FAITHFUL:
        return Finding("surrogate", "warn", p_value, ALPHA, control, f"{text} It leaves out much.", details)
    return Finding("surrogate", "pass", p_value, ALPHA, control, text, details)


def _readable(rules: str) -> str:
    """Say of a word's column that it is or is not that word, where the tree says <= 0.5 and > 0.5."""
    lines = []
    for line in rules.splitlines():
        if " = " in line and line.endswith(" <= 0.5000"):
            head, _, tail = line.removesuffix(" <= 0.5000").partition(" = ")
            line = f"{head} is not {tail}"
        elif " = " in line and line.endswith(" >  0.5000"):
            head, _, tail = line.removesuffix(" >  0.5000").partition(" = ")
            line = f"{head} is {tail}"
        lines.append(line)
    return "\n".join(lines)
