"""The parts that a layer's activations are sums of, found without labels: deep feature factorization."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from xai.base.arguments import draw_count, whole_number
from xai.base.errors import LayerError, names_errors
from xai.base.progress import track
from xai.base.statistics import ALPHA, rank_p_value
from xai.global_explanations.factoring import cosines_of_pairs, factorize, left_over, shuffled
from xai.model.layer_maps import input_size, placed, put_out
from xai.model.map_layers import MapLayer, Reshape, map_layer, noted
from xai.model.model import Model
from xai.model.session import Session
from xai.network.hooks import replacing
from xai.results.finding import Finding
from xai.results.layer_factors import LayerFactors

__all__ = ["layer_factors"]

OPERATION = "layer_factors"
STARTS = 5
FOUND_AGAIN = 0.9  # the least cosine with itself that a factor has when it is found again
ADDED_UP = 0.05  # of the whole: effects that miss it by more are no shares of it
HALVED = 8  # with fewer inputs, every start is given all of them


@names_errors(OPERATION)
def layer_factors(
    model: Model,
    inputs: object,
    layer: str | None = None,
    target: object = None,
    *,
    factors: int = 4,
    reshape: Reshape | None = None,
    controls: int = 19,
    seed: int = 0,
    batch_size: int | None = None,
) -> LayerFactors:
    """Return parts that a layer's activations are sums of, where each part lies, and what it does for a class.

    What the layer puts out at every position of every input is a sum of `factors` directions, with weights that are
    nowhere negative (scikit-learn's NMF). Activations below 0 are cut; `options["run"]["negative"]` is their share of
    the squares. What a factor does is tried: its part is taken out of the layer, and the target is asked again.

    The first finding holds what the factors leave of the activations against activations with every channel shuffled:
    of those no few factors should make much. Of each factor, a finding says whether it is found again from 5 other
    starts, each on a random half of the inputs (all of them, where there are fewer than 8), at a mean cosine of at
    least 0.9 and above every cosine with the factors of shuffled activations.

    Args:
        model: What is explained.
        inputs: Images (N, C, H, W), series (N, T, C) or (N, C, T), or volumes (N, C, D, H, W): some tens of them.
        layer: One that puts out maps or tokens, best behind a ReLU; by default the one that `gradcam` reads.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        factors: How many.
        reshape: Where the patches are among tokens, as for `gradcam`.
        controls: How often the activations are shuffled, at least 19.
        seed: Of all draws; the same gives the same numbers.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        LayerError: The layer does not exist, or puts out no maps or none above 0.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Collins, Achanta, Süsstrunk 2018, arXiv:1806.10206.

    >>> layers = torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    >>> found = layer_factors(Model(torch.nn.Sequential(*layers)), torch.rand(3, 1, 8, 8), "1", factors=2)
    >>> found.maps.shape, found.directions.shape, found.heatmaps().shape
    (torch.Size([3, 2, 6, 6]), torch.Size([2, 4]), torch.Size([3, 2, 8, 8]))
    """
    count, seed = whole_number("factors", factors, 1), whole_number("seed", seed)
    controls = draw_count("controls", controls, 19)  # fewer cannot reach p = 0.05
    with model.explaining(OPERATION, inputs, target, passes=count + 2, seed=seed, batch_size=batch_size) as session:
        found = map_layer(session, layer, reshape)
        maps = torch.cat([put_out(session, rows, found) for rows in session.chunks(len(session))]).double()
        if not bool(torch.isfinite(maps).all()):
            raise LayerError("layer", expected="finite numbers", got=f"NaN or infinity from {found.name!r}")
        positive = maps.clamp_min(0)
        values = positive.movedim(1, -1).flatten(0, -2).cpu().numpy()  # (N * positions, C)
        if count > min(values.shape):
            wanted = f"one with at least {count} channels and positions"
            raise LayerError("layer", expected=wanted, got=f"{found.name}: {tuple(maps.shape[1:])}")
        if not values.any():
            raise LayerError("layer", expected="one that puts out more than 0", got=f"nothing of {found.name!r}")
        weights, directions = factorize(values, count, seed)
        error = left_over(values, weights, directions)
        generator = np.random.default_rng(seed)
        nulls, by_chance = _of_shuffled(values, directions, controls, seed, generator)
        stability = _found_again(values, len(session), directions, seed, generator)
        weighted = torch.from_numpy(weights).unflatten(0, (len(session), *found.grid)).movedim(-1, 1)
        effects, shares = _effects(session, found, positive, weighted, torch.from_numpy(directions))
        negative = float((maps - positive).square().sum() / maps.square().sum())
        return LayerFactors(
            layer=found.name,
            target=session.target.names(model.classes),
            maps=weighted.float(),
            directions=torch.from_numpy(directions).float(),
            effects=effects,
            shares=shares,
            error=error,
            stability=torch.from_numpy(stability).float(),
            controls=torch.from_numpy(nulls).float(),
            inputs=session.raw_inputs,
            size=input_size(session, found),
            evidence=(_whole(count, error, nulls), *_each(stability, by_chance)),
            options={"factors": count, **noted(reshape), "run": {**found.run(), "negative": negative}},
            seed=seed,
            model_digest=model.digest(),
        )


def _of_shuffled(
    values: np.ndarray, directions: np.ndarray, controls: int, seed: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return what factors leave of shuffled values (R,), and the largest cosine of each factor with theirs (K,)."""
    errors, largest = [], np.zeros(len(directions))
    for _ in track(range(controls), OPERATION, controls):
        drawn = shuffled(values, generator)
        weights, theirs = factorize(drawn, len(directions), seed)
        errors.append(left_over(drawn, weights, theirs))
        largest = np.maximum(largest, cosines_of_pairs(directions, theirs))
    return np.array(errors), largest


def _found_again(
    values: np.ndarray, inputs: int, directions: np.ndarray, seed: int, generator: np.random.Generator
) -> np.ndarray:
    """Return the mean cosine (K,) of each factor with itself as found from other starts, in halves of the inputs."""
    by_input, cosines = values.reshape(inputs, -1, values.shape[1]), []
    for number in range(1, STARTS + 1):
        half = generator.permutation(inputs)[: inputs // 2 if inputs >= HALVED else inputs]
        theirs = factorize(by_input[half].reshape(-1, values.shape[1]), len(directions), seed + number, "random")[1]
        cosines.append(cosines_of_pairs(directions, theirs))
    return np.mean(cosines, 0)


def _effects(
    session: Session, layer: MapLayer, positive: Tensor, weighted: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor]:
    """Return by how much the target falls without each factor, (N, K), and its share of what falls without them all."""
    whole = session.scores(session.inputs, session.rows).cpu()
    falls = [whole - _scores_without(session, layer, part) for part in _parts(positive, weighted, directions)]
    *each, left, everything = falls
    effects = torch.stack(each, 1)
    adds_up = (effects.sum(1) + left - everything).abs() <= ADDED_UP * everything.abs()
    return effects, torch.where(adds_up[:, None], effects / everything[:, None], torch.nan)


def _parts(positive: Tensor, weighted: Tensor, directions: Tensor) -> Iterator[Tensor]:
    """Yield the part (N, C, ...) of the activations that each factor makes, what all of them leave, and the whole."""
    left = positive
    for number, direction in enumerate(directions):
        part = torch.einsum("n...,c->nc...", weighted[:, number], direction).to(positive)
        left = left - part
        yield part
    yield left
    yield positive


def _scores_without(session: Session, layer: MapLayer, part: Tensor) -> Tensor:
    """Return the target of each input (N,) where a part (N, C, ...) is taken out of what the layer puts out."""
    scores = []
    for rows in session.chunks(len(session)):
        calls, batch = 0, session.inputs[rows]

        def without(inputs: tuple, output: Tensor, rows: Tensor = rows) -> Tensor | None:
            nonlocal calls
            calls += 1
            if calls < layer.calls:  # a layer that runs several times: the last one is read
                return None
            taken = torch.zeros(len(output), *part.shape[1:]).to(output)  # a fixed batch has more rows than these
            taken[: len(rows)] = part[rows].to(output)
            return output - placed(taken, layer, output)

        with replacing(session.plan.network, layer.name, without):
            scores.append(session.scores(batch, rows).cpu())
    return torch.cat(scores)


def _whole(count: int, error: float, nulls: np.ndarray) -> Finding:
    p_value = rank_p_value(nulls, error, among=False, below=True)
    control = f"{len(nulls)} times shuffled, of which they leave {nulls.min():.0%} at least"
    found = f"{count} factors leave {error:.0%} of the activations"
    if p_value > ALPHA:
        text = f"Not supported: {found}, no less than of shuffled ones: the channels have nothing in common."
        return Finding("factors", "fail", p_value, ALPHA, control, text, {"error": error})
    return Finding("factors", "pass", p_value, ALPHA, control, f"Supported: {found}.", {"error": error})


def _each(stability: np.ndarray, by_chance: np.ndarray) -> list[Finding]:
    made = []
    for number, (cosine, chance) in enumerate(zip(stability.tolist(), by_chance.tolist(), strict=True), start=1):
        least = max(FOUND_AGAIN, chance)
        control = f"factors of shuffled activations come as near as {chance:.2f}"
        text = f"{STARTS} other starts find it at a mean cosine of {cosine:.2f}"
        status = "pass" if cosine >= FOUND_AGAIN and cosine > chance else "fail"
        judged = "is found again" if status == "pass" else "is not found again"
        if status == "fail" and cosine >= FOUND_AGAIN:
            judged, text = "is found again, as chance is", f"{text}, factors of shuffled activations come as near"
        sentence = f"Factor {number} {judged}: {text}."
        made.append(Finding("factor", status, cosine, least, control, sentence, {"factor": number}))
    return made
