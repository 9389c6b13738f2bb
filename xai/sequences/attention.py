"""Does attention decide? Take weights away where the network uses them, and see whether its answer follows."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.errors import LayerError, describe
from xai.model.word_vectors import Words
from xai.network.hooks import replacing
from xai.results.attention_verdict import attention_verdict, too_few
from xai.results.finding import Finding
from xai.sequences.teacher_forcing import Follower

__all__ = ["attention_finding", "attention_weights", "without"]


def attention_weights(follower: Follower, layer: str, words: Words, target: Tensor) -> Tensor:
    """Return the weights (N, T, S) that pass through a layer while the network follows a target (N, T).

    Raises LayerError where it is not reached, or puts out no weights that sum to 1 for each step.
    """
    parts: list[Tensor] = []

    def keep(inputs: tuple, output: object) -> None:
        parts.append(output.detach() if isinstance(output, Tensor) else torch.empty(0))

    with torch.no_grad(), replacing(follower.model.network, layer, keep):
        follower.scores(words.numbers, target)
    wanted = f"weights {(*target.shape, words.numbers.shape[1])}, those of a step adding up to 1"
    fits = all(part.ndim == 3 for part in parts) and sum(part.shape[1] for part in parts) == target.shape[1]
    weights = torch.cat(parts, 1).double() if fits else parts[0]
    if not fits or weights.shape[2] != words.numbers.shape[1]:
        raise LayerError(f"layer {layer!r}", expected=wanted, got=describe(weights))
    if not bool((weights.sum(2) - 1).abs().max() < 1e-2) or bool((weights < 0).any()):
        raise LayerError(f"layer {layer!r}", expected=wanted, got="other numbers")
    return weights


def without(weights: Tensor) -> Tensor:
    """Return for each of S weights (..., S) what is left when it is 0 and the others grow to fill its place.

    Where nothing is left, the others share it evenly. Shape (..., S, S).

    >>> without(torch.tensor([0.5, 0.25, 0.25])).tolist()
    [[0.0, 0.5, 0.5], [0.6666666865348816, 0.0, 0.3333333432674408], [0.6666666865348816, 0.3333333432674408, 0.0]]
    """
    size = weights.shape[-1]
    others = 1 - torch.eye(size, dtype=weights.dtype, device=weights.device)
    left = weights[..., None, :] * others
    remaining = left.sum(-1, keepdim=True)
    return torch.where(remaining > 1e-6, left / remaining.clamp_min(1e-6), others / max(1, size - 1))


def attention_finding(
    follower: Follower,
    layer: str,
    words: Words,
    row: int,
    target: Tensor,
    weights: Tensor,
    *,
    permutations: int,
    seed: int,
    batch_size: int,
) -> Finding:
    """Return whether the answer to one row changes as its attention weights (T, S) say it should.

    Each weight of each step is taken away, the others of the step grow, and the network's answer of that step is
    compared with the plain one, in total variation: the most by which the probability of any set of symbols changes.
    What is made of that: `attention_verdict`. target: (T,).
    """
    if (few := too_few(weights)) is not None:
        return few
    plain, changed = _answers(follower, layer, words, row, target, weights, batch_size)
    change = 0.5 * (changed - plain[:, None]).abs().sum(2)  # (T, S)
    flipped = changed.argmax(2) != plain.argmax(1)[:, None]
    return attention_verdict(weights, change, flipped, permutations=permutations, seed=seed)


def _answers(
    follower: Follower, layer: str, words: Words, row: int, target: Tensor, weights: Tensor, batch_size: int
) -> tuple[Tensor, Tensor]:
    """Return probabilities as they are (T, K), and at each step without each weight (T, S, K); float64."""
    steps, size = weights.shape
    whole = words.numbers.shape[1]
    source = words.numbers[row : row + 1]
    left = torch.zeros(steps, size, whole, dtype=weights.dtype, device=weights.device)
    left[:, :, :size] = without(weights)
    left = left.flatten(0, 1)
    step_of = torch.arange(steps, device=weights.device).repeat_interleave(size)
    changed = []
    with torch.no_grad():
        plain = follower.scores(source, target[None])[0].double().exp()
        for part in torch.arange(steps * size, device=weights.device).split(batch_size):
            start = [0]

            def change(inputs: tuple, output: Tensor, part: Tensor = part, start: list = start) -> Tensor:
                # The layer may be called once for all steps, or once for each.
                position = step_of[part] - start[0]
                start[0] += output.shape[1]
                here = (position >= 0) & (position < output.shape[1])
                output = output.clone()
                output[here, position[here]] = left[part][here].to(output.dtype)
                return output

            with replacing(follower.model.network, layer, change):
                answers = follower.scores(source.expand(len(part), -1), target.expand(len(part), -1))
            changed.append(answers[torch.arange(len(part)), step_of[part]].double().exp())
    return plain, torch.cat(changed).unflatten(0, (steps, size))
