"""One prompt at work: log-probabilities of its continuation with parts hidden, or along a path of its vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xai.base.coalitions import coalitions, solve
from xai.base.errors import InputError
from xai.base.quadrature import gauss_legendre
from xai.inputs.token_owners import WordParts
from xai.inputs.tokenized import TokenizerReader
from xai.network.gradients import gradient_of
from xai.network.hooks import find_layer
from xai.sequences.language_models import Writer

__all__ = ["PromptCall"]


@dataclass(frozen=True)
class PromptCall:
    """One prompt (S tokens) with its parts, and the continuation (T,) that is explained."""

    writer: Writer
    reader: TokenizerReader
    ids: Tensor
    parts: WordParts
    free: Tensor  # which tokens can be hidden, (S,)
    target: Tensor
    hide: str
    batch_size: int

    @property
    def count(self) -> int:
        return len(self.parts.names[0])

    @property
    def owner(self) -> Tensor:
        return self.parts.owner[0].to(self.ids.device)

    @property
    def hideable(self) -> Tensor:
        """Return which parts can be hidden, (parts,): not those of special tokens."""
        found = torch.zeros(self.count, dtype=torch.bool, device=self.ids.device)
        found[self.owner[self.free & (self.owner >= 0)]] = True
        return found

    def of_parts(self, values: Tensor) -> Tensor:
        """Return values of tokens (..., S) summed over the tokens of each part, (..., parts)."""
        owner = torch.where(self.owner < 0, self.count, self.owner).expand(values.shape)
        return values.new_zeros(*values.shape[:-1], self.count + 1).scatter_add(-1, owner, values)[..., : self.count]

    def masked(self, masks: Tensor) -> Tensor:
        """Return the log-probabilities (n, T) with only the parts shown that masks (n, parts) show, in float64."""
        owner = self.owner
        kept = masks[:, owner.clamp_min(0)] | (owner < 0) | ~self.free  # (n, S)
        token = self.reader.token_in_place(self.hide)
        prompts = self.ids.expand(len(masks), -1) if token is None else torch.where(kept, self.ids, token)
        sizes = torch.full((len(masks),), len(self.ids)) if token is not None else kept.sum(1).cpu()
        found = torch.zeros(len(masks), len(self.target), dtype=torch.float64, device=self.ids.device)
        with torch.no_grad():
            for size in sizes.unique().tolist():  # texts of one length together: nothing is padded
                for rows in torch.where(sizes == size)[0].to(self.ids.device).split(self.batch_size):
                    shown = prompts[rows] if token is not None else prompts[rows][kept[rows]].view(len(rows), size)
                    found[rows] = self.writer.log_probabilities(shown, self.target).double()
        return found

    def occlusion(self, log_probability: Tensor) -> Tensor:
        """Return by how much each log-probability falls without each part, (T, parts); 0 of special tokens."""
        alone = ~torch.eye(self.count, dtype=torch.bool, device=self.ids.device)
        return (log_probability - self.masked(alone)).T

    def shapley(self, log_probability: Tensor, samples: int, seed: int) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Return Shapley values (T, parts) of the parts that can be hidden, their errors, and what they add up to."""
        positions = torch.where(self.hideable)[0]
        drawn = coalitions(len(positions), samples, torch.Generator().manual_seed(seed))
        masks = torch.ones(len(drawn.shown) + 1, self.count, dtype=torch.bool, device=self.ids.device)
        masks[:-1, positions] = drawn.shown.to(masks.device)
        masks[-1, positions] = False
        answers = self.masked(masks).cpu()
        total = log_probability.cpu() - answers[-1]
        found, deviations = solve(drawn, (answers[:-1] - answers[-1]).T, total)
        values, errors = (torch.zeros(len(self.target), self.count, dtype=torch.float64) for _ in range(2))
        values[:, positions.cpu()], errors[:, positions.cpu()] = found, deviations
        note = {"total": total.tolist(), "samples": len(drawn.shown), "enumerated": drawn.enumerated}
        return values.to(log_probability), errors.to(log_probability), note

    def gradient(self) -> Tensor:
        """Return the gradient of each log-probability times the vectors of each part, (T, parts)."""
        layer, vectors = self._vectors()
        return self.of_parts((self._slopes(layer, vectors[None])[0] * vectors).sum(2).double())

    def path(self, reference: str, steps: int) -> tuple[Tensor, dict[str, Any]]:
        """Return integrated gradients (T, parts), and what each row should add up to and by what share it misses it."""
        layer, vectors = self._vectors()
        start = torch.where(self.free[:, None], self._reference(layer, vectors, reference), vectors)
        points, weights = (torch.from_numpy(part).to(vectors) for part in gauss_legendre(steps))
        total = vectors.new_zeros(len(self.target), *vectors.shape)
        for part in torch.arange(steps, device=vectors.device).split(self.batch_size):
            at = start + ((points[part] + 1) / 2).view(-1, 1, 1) * (vectors - start)
            total += torch.einsum("ntsd,n->tsd", self._slopes(layer, at), weights[part] / 2)
        values = self.of_parts((total * (vectors - start)).sum(2).double())
        with torch.no_grad():
            ends = self.writer.of_vectors(layer, self.ids, torch.stack([start, vectors]), self.target).double()
        change = ends[1] - ends[0]
        missed = (values.sum(1) - change).abs() / change.abs().clamp_min(1e-12)
        return values, {"total": change.tolist(), "completeness_error": missed.tolist()}

    def _vectors(self) -> tuple[str, Tensor]:
        layer = self.writer.embedding(self.ids, self.target)
        with torch.no_grad():
            vectors = find_layer(self.writer.network, layer)(self.ids)
        return layer, vectors.to(torch.promote_types(vectors.dtype, torch.float32))

    def _reference(self, layer: str, vectors: Tensor, name: str) -> Tensor:
        if name == "zero":
            return torch.zeros_like(vectors)
        number = self.reader.token(name)
        if number is None:
            wanted = "'zero', or 'padding', 'mask' or 'unknown' where the tokenizer has such a token"
            raise InputError("reference", expected=wanted, got=repr(name))
        with torch.no_grad():
            return find_layer(self.writer.network, layer)(self.ids.new_tensor([number])).to(vectors).expand_as(vectors)

    def _slopes(self, layer: str, vectors: Tensor) -> Tensor:
        """Return the gradient of each log-probability by vectors (n, S, D), (n, T, S, D)."""
        variable = vectors.detach().clone().requires_grad_()
        with torch.enable_grad():
            log_probability = self.writer.of_vectors(layer, self.ids, variable, self.target)
            ask: Callable[[int], Tensor] = lambda step: gradient_of(log_probability[:, step], variable, keep_graph=True)  # noqa: E731
            return torch.stack([ask(step) for step in range(len(self.target))], 1)
