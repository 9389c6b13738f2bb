"""Which source symbol each written one rests on: by gradient and by occlusion, beside what attention says."""

from __future__ import annotations

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from xai.base.arguments import draw_count, whole_number
from xai.base.errors import InputError, names_errors
from xai.base.progress import track
from xai.model.model import Model
from xai.model.word_vectors import Words, embed
from xai.network.gradients import gradient_of
from xai.network.guard import untouched
from xai.results.finding import Finding
from xai.results.sequence_results import Alignment
from xai.sequences.attention import attention_finding, attention_weights
from xai.sequences.teacher_forcing import Follow, Follower, symbol_numbers, used

__all__ = ["alignment"]

OPERATION = "alignment"
LAYER = "attention_weights"


@names_errors("alignment")
def alignment(
    model: Model,
    source: object,
    target: object = None,
    *,
    layer: str | None = None,
    follow: Follow | None = None,
    stop: int = 1,
    longest: int = 64,
    permutations: int = 999,
    seed: int = 0,
    batch_size: int = 256,
) -> Alignment:
    """Return a matrix, target symbols by source symbols, of what an encoder-decoder's answers rest on, in three ways.

    `gradient`: the gradient of a target symbol's log-probability by a source symbol's vector, times that vector.
    `occlusion`: by how much that log-probability falls when the vector is 0. `attention`: the weights, where the
    network has any; whether its answers follow them is tested by taking weights away (see `attention_finding`).

    Args:
        model: A classifier of symbols whose TextInput has a vocabulary.
        source: Texts, or numbers of symbols (N, S).
        target: What is explained: lists of class names, or numbers (N, T) padded with 0; None for what the network
            itself writes.
        layer: The module whose output are the attention weights (n, T, S), called once for all steps or once per step;
            by default "attention_weights", where there is one.
        follow: (network, source (n, S), target (n, T)) -> scores (n, T, K) of each step given the target before it; by
            default network(source, target).
        stop: The number of the symbol that ends what the network writes.
        longest: The most steps that it writes.
        permutations: Of the test whether answers follow the attention, at least 19.
        seed: Of these; the same gives the same numbers.
        batch_size: How many evaluations at a time.

    Raises:
        InputError: An argument cannot be.
        TargetError: A symbol of the target is unknown.
        LayerError: There is no such layer, or it puts out no such weights.
        NetworkError: The network fails, or puts out something else than scores.

    >>> from xai.inputs.text import TextInput
    >>> class Copy(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.vectors = nn.Embedding.from_pretrained(torch.eye(4))
    ...     def forward(self, source, target):
    ...         return 5 * self.vectors(source)
    >>> a = alignment(Model(Copy(), input=TextInput(["a", "b"]), classes=list("_|ab")), "b a", [["b", "a"]])
    >>> a.occlusion[0].argmax(1).tolist(), a.attention is None
    ([0, 1], True)
    """
    for name, value, least in (
        ("batch_size", batch_size, 1),
        ("longest", longest, 1),
    ):
        whole_number(name, value, least)
    permutations = draw_count("permutations", permutations, 19)
    if not model.input.embedded or model.task != "classification":
        got = f"input {model.input.kind}, task {model.task}"
        raise InputError("model", expected="a classifier of symbols with a TextInput that has a vocabulary", got=got)
    follower = Follower(model, follow or _follow, OPERATION)
    raw = model.prepare(source, "source")
    with untouched(model.network):
        vectors, words = embed(
            model.network, model.input, raw, lambda part: follower.scores(part, torch.zeros_like(part[:, :1])),
            batch_size,
        )  # fmt: skip
        if target is None:
            numbers = follower.write(words.numbers, stop, longest)
        else:
            numbers = symbol_numbers(target, model.classes, len(raw)).to(raw.device)
        steps = used(numbers)
        modules = dict(model.network.named_modules())
        chosen = layer or (LAYER if LAYER in modules else None)
        gradient, log_probability = _gradients(follower, words, vectors, numbers)
        weights = None if chosen is None else attention_weights(follower, chosen, words, numbers)
        rows, occlusion, findings = range(len(raw)), [], []
        for row in track(rows, OPERATION, len(raw)) if len(raw) > 8 else rows:
            part = numbers[row, : steps[row]]
            occlusion.append(_occluded(follower, words, vectors, row, part, batch_size))
            if weights is None or chosen is None:
                text = "Untestable: the network has no attention weights to look at."
                findings.append((Finding("attention", "untestable", None, 0.05, "none", text),))
                continue
            seen = weights[row, : steps[row], : words.counts[row]]
            settings = {"permutations": permutations, "seed": seed, "batch_size": batch_size}
            findings.append((attention_finding(follower, chosen, words, row, part, seen, **settings),))
    sizes = list(zip(steps, words.counts, strict=True))
    names = model.classes or [str(number) for number in range(int(numbers.max()) + 1)]
    cut = [part[:high, :wide] for part, (high, wide) in zip(gradient, sizes, strict=True)]
    looked = (
        None
        if weights is None
        else [part[:high, :wide].float() for part, (high, wide) in zip(weights, sizes, strict=True)]
    )
    return Alignment(
        source=tuple(row[:count] for row, count in zip(words.names(), words.counts, strict=True)),
        target=tuple(
            tuple(names[number] for number in row[:high]) for row, high in zip(numbers.tolist(), steps, strict=True)
        ),
        probability=[row[:high] for row, high in zip(log_probability.exp(), steps, strict=True)],
        gradient=cut,
        occlusion=occlusion,
        attention=looked,
        diagnostics=tuple(
            _agreement(cut[row], occlusion[row], None if looked is None else looked[row]) for row in rows
        ),
        evidence=tuple(findings),
        options={"layer": chosen, "permutations": permutations},
        seed=seed,
        model_digest=model.digest(),
    )


def _follow(network: nn.Module, source: Tensor, target: Tensor) -> object:
    return network(source, target)


def _gradients(follower: Follower, words: Words, vectors: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return gradient times vector (N, T, S), and the log-probability of each target symbol (N, T)."""
    variable = vectors.detach().clone().requires_grad_()
    rows = torch.arange(len(vectors), device=vectors.device)
    scores = follower.embedded(words, variable, rows, target)
    chosen = scores.gather(2, target[:, :, None])[:, :, 0]
    parts = []
    for step in range(target.shape[1]):
        gradient = gradient_of(chosen[:, step], variable, keep_graph=True)
        parts.append((gradient * variable.detach()).sum(2))
    return torch.stack(parts, 1), chosen.detach()


def _occluded(follower: Follower, words: Words, vectors: Tensor, row: int, target: Tensor, batch_size: int) -> Tensor:
    """Return by how much the log-probability of each target symbol falls without each source symbol, (T, S)."""
    count = words.counts[row]
    keep = 1 - torch.eye(count + 1, vectors.shape[1], dtype=vectors.dtype, device=vectors.device)
    keep[count] = 1  # the last copy is whole
    keep = keep[:, :, None]
    parts = []
    with torch.no_grad():
        for hidden in keep.split(batch_size):
            rows = torch.full((len(hidden),), row, device=vectors.device)
            scores = follower.embedded(words, vectors[row] * hidden, rows, target.expand(len(hidden), -1))
            parts.append(scores.gather(2, target.expand(len(hidden), -1)[:, :, None])[:, :, 0])
    log_probability = torch.cat(parts)
    return (log_probability[-1] - log_probability[:-1]).T


def _agreement(gradient: Tensor, occlusion: Tensor, attention: Tensor | None) -> dict[str, object]:
    """Return the rank correlations between the matrices of one row; None where one is constant."""
    pairs = {"gradient_occlusion": (gradient, occlusion)}
    if attention is not None:
        pairs["attention_occlusion"] = (attention, occlusion)
    found: dict[str, object] = {}
    for name, (first, second) in pairs.items():
        a, b = first.flatten().tolist(), second.flatten().tolist()
        varies = len(a) > 2 and min(a) < max(a) and min(b) < max(b)
        found[name] = float(spearmanr(a, b).statistic) if varies else None
    return found
