"""The training examples that a network takes for the most similar: those nearest in its last hidden layer."""

from __future__ import annotations

import torch
from scipy.stats import binom
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, names_errors
from xai.base.statistics import ALPHA
from xai.global_explanations.layer_values import flat, last_hidden, layer_values
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model
from xai.results.finding import Finding
from xai.results.global_results import Neighbors

__all__ = ["nearest_examples"]

OPERATION = "nearest_examples"
AT_ONCE, MOST_COMPARED = 2**22, 2000  # distances that are held at a time; training rows that are compared with all
FAR = 0.95


@names_errors("nearest_examples")
def nearest_examples(
    model: Model,
    inputs: object,
    train: object,
    labels: object = None,
    *,
    layer: str | None = None,
    count: int = 5,
    distance: str = "cosine",
    batch_size: int | None = None,
) -> Neighbors:
    """Return the training rows whose last hidden layer is nearest to that of each input.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        train: Rows that the network learned from.
        labels: Their classes, for the evidence: do more of the neighbors have the predicted class than of as many rows
            drawn at random (a binomial test)?
        layer: Its output is compared; by default what the last linear layer reads.
        count: Neighbors of each input.
        distance: "cosine" (of what is centered on the training mean) or "euclidean".
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        Numbers of training rows and their distances, (N, count). `novelty`: the share of training rows nearer to their
        own nearest neighbor than an input is to its; near 1, the network has learned from nothing like it.

    Raises:
        InputError: An argument cannot be.
        LayerError: There is no such layer.
        NetworkError: The network fails, or puts out something else than scores.

    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    >>> rows = torch.rand(20, 2)
    >>> nearest_examples(Model(network), rows[:3], rows, count=1).indices.flatten().tolist()
    [0, 1, 2]
    """
    count = whole_number("count", count, 1)
    if distance not in ("cosine", "euclidean"):
        raise InputError("distance", expected="'cosine' or 'euclidean'", got=repr(distance))
    hidden, prediction, name = _hidden(model, inputs, layer, batch_size)
    known, train_prediction, _ = _hidden(model, train, layer, batch_size)
    if len(known) <= count:
        raise InputError("train", expected=f"more than {count} rows", got=f"{len(known)}")
    if hidden.shape[1] != known.shape[1]:
        raise InputError("train", expected=f"{hidden.shape[1]} numbers in layer {name!r}", got=f"{known.shape[1]}")
    if distance == "cosine":
        mean = known.mean(0)
        hidden, known = (torch.nn.functional.normalize(part - mean, dim=1) for part in (hidden, known))
    lengths, indices = _nearest(hidden, known, count, distance)
    # The nearest one of a training row is itself. Of many, a part evenly spaced says how far apart they lie.
    some = known[:: -(-len(known) // MOST_COMPARED)]
    spacing = _nearest(some, known, 2, distance)[0][:, 1]
    novelty = (spacing[None] < lengths[:, :1]).double().mean(1)
    known_labels = None if labels is None else as_labels(model, labels, len(train_prediction))
    if known_labels is not None:
        check_outputs(known_labels, train_prediction.shape[1])
    if known_labels is not None and known_labels.is_floating_point():
        raise InputError("labels", expected="classes; leave them out for a regression", got="numbers")
    names = list(model.classes or (str(number) for number in range(prediction.shape[1])))
    predicted = prediction.argmax(1).tolist()
    findings = [
        _finding(
            predicted[row],
            None if known_labels is None else known_labels.cpu(),
            indices[row],
            float(novelty[row]),
            names,
        )
        for row in range(len(hidden))
    ]
    return Neighbors(
        layer=name,
        distance=distance,
        indices=indices,
        distances=lengths,
        novelty=novelty,
        predicted=tuple(names[number] for number in predicted),
        labels=None
        if known_labels is None
        else tuple(tuple(names[n] for n in known_labels.cpu()[row].tolist()) for row in indices),
        evidence=tuple((finding,) for finding in findings),
        model_digest=model.digest(),
    )


def _hidden(model: Model, inputs: object, layer: str | None, batch_size: int | None) -> tuple[Tensor, Tensor, str]:
    with model.explaining(OPERATION, inputs, 0, batch_size=batch_size, differentiable=model.input.embedded) as session:
        if layer is None:
            name, values = last_hidden(session)
        else:
            name, values = layer, flat(layer_values(session, layer), layer)
        return values.double().cpu(), session.prediction.cpu(), name


def _nearest(first: Tensor, second: Tensor, count: int, distance: str) -> tuple[Tensor, Tensor]:
    """Return the distances to the nearest rows, and their numbers, (N, count); ties go to the lower number."""
    found = []
    for part in first.split(max(1, AT_ONCE // len(second))):
        spacing = 1 - part @ second.T if distance == "cosine" else torch.cdist(part, second)
        lengths, order = spacing.topk(count, largest=False)
        order, position = order.sort(dim=1)
        lengths, again = lengths.gather(1, position).sort(dim=1, stable=True)
        order = order.gather(1, again)
        # Of rows that are equally far as the last one, those with the lower number.
        tied = ((spacing <= lengths[:, -1:]).sum(1) > count).nonzero()[:, 0]
        if len(tied):
            lengths[tied], order[tied] = (item[:, :count] for item in spacing[tied].sort(dim=1, stable=True))
        found.append((lengths.clamp_min(0), order))
    return torch.cat([lengths for lengths, _ in found]), torch.cat([order for _, order in found])


def _finding(predicted: int, labels: Tensor | None, neighbors: Tensor, novelty: float, names: list[str]) -> Finding:
    count = len(neighbors)
    far = novelty > FAR
    aside = f" It lies further from them than {novelty:.0%} of training rows do from each other." if far else ""
    if labels is None:
        text = f"Untestable without the training rows' labels.{aside}"
        return Finding("neighbors", "untestable", None, ALPHA, "none", text, {"novelty": novelty})
    share = float((labels == predicted).double().mean())
    same = int((labels[neighbors] == predicted).sum())
    p_value = float(binom.sf(same - 1, count, share))
    details = {"p_value": p_value, "same": same, "count": count, "share": share, "novelty": novelty}
    control = f"{count} training rows drawn at random, of which {count * share:.1f} are {names[predicted]}"
    sentence = f"{same} of the {count} nearest training rows are {names[predicted]}, as predicted"
    if share**count > ALPHA:
        text = f"Untestable: {sentence}, and {share:.0%} of all training rows are; more neighbors could tell.{aside}"
        return Finding("neighbors", "untestable", p_value, ALPHA, control, text, details)
    if p_value > ALPHA:
        text = f"Not supported: {sentence}; as many are expected by chance (p = {p_value:.3f}).{aside}"
        return Finding("neighbors", "fail", p_value, ALPHA, control, text, details)
    text = f"{sentence} ({count * share:.1f} by chance, p = {p_value:.2g}).{aside}"
    return Finding("neighbors", "warn" if far else "pass", p_value, ALPHA, control, text, details)
