"""Networks that write token after token: how likely a continuation is after a prompt, whole, hidden or as vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, NetworkError, XaiError, describe
from xai.model.embeddings import find_embedding, reads
from xai.network.gradients import differentiable_pass, failed_pass
from xai.network.hooks import StopForward, find_layer, replacing

__all__ = ["Writer", "writer_of"]


@dataclass(frozen=True)
class Writer:
    """A language model of Hugging Face, causal or with an encoder.

    Attributes:
        network: The model.
        start: The token that stands before the first one: of a decoder, and of a causal model where no prompt is left.
        ends: The tokens that end what it writes.
        decoder: Whether it has an encoder, which reads the prompt.
    """

    network: nn.Module
    start: int | None
    ends: tuple[int, ...]
    decoder: bool

    def log_probabilities(self, prompts: Tensor, target: Tensor) -> Tensor:
        """Return log p of each token of a target (T,) after each of several prompts (n, S), (n, T)."""
        count, steps = len(prompts), len(target)
        whole = target.expand(count, -1)
        if not self.decoder and not prompts.shape[1]:
            prompts = self._started(count, target.device)
        asked: dict[str, Tensor] = {"input_ids": prompts}
        if self.decoder:
            asked["decoder_input_ids"] = torch.cat([self._started(count, target.device), whole[:, :-1]], 1)
        else:
            asked["input_ids"] = torch.cat([prompts, whole], 1)
        asked["attention_mask"] = torch.ones_like(asked["input_ids"])
        logits = self._run(asked)
        seen = logits if self.decoder else logits[:, prompts.shape[1] - 1 : prompts.shape[1] - 1 + steps]
        seen = seen.to(torch.promote_types(seen.dtype, torch.float32))
        return seen.log_softmax(2).gather(2, whole[:, :, None])[:, :, 0]

    def _started(self, count: int, device: torch.device) -> Tensor:
        if self.start is None:
            wanted = "a tokenizer with a token for the start of a text, for what follows no prompt"
            raise InputError("tokenizer", expected=wanted, got="none")
        return torch.full((count, 1), self.start, dtype=torch.int64, device=device)

    def _run(self, asked: dict[str, Tensor]) -> Tensor:
        try:
            with differentiable_pass(self.network):
                output: Any = self.network(**asked)
        except (XaiError, StopForward):
            raise
        except Exception as error:
            raise failed_pass("a forward pass on the prompt", error) from error
        logits = getattr(output, "logits", None)
        if not isinstance(logits, Tensor) or logits.ndim != 3 or not bool(torch.isfinite(logits).all()):
            raise NetworkError("network", expected="finite logits (n, tokens, K)", got=describe(logits))
        return logits

    def embedding(self, prompt: Tensor, target: Tensor) -> str:
        """Return the name of the embedding that reads a prompt (S,)."""
        ids = self._read(prompt, target)
        run: Callable[[], object] = lambda: self.log_probabilities(prompt[None], target)  # noqa: E731
        return find_embedding(self.network, ids, torch.ones_like(ids, dtype=torch.bool), run)

    def of_vectors(self, layer: str, prompt: Tensor, vectors: Tensor, target: Tensor) -> Tensor:
        """Return `log_probabilities` with vectors (n, S, D) in place of those of the prompt (S,)."""
        ids = self._read(prompt, target).expand(len(vectors), -1)
        embedding, mask = find_layer(self.network, layer), torch.ones_like(ids, dtype=torch.bool)

        def swap(inputs: tuple, output: Tensor) -> Tensor | None:
            if not reads(embedding, inputs, ids, mask):
                return None
            return torch.cat([vectors.to(output.dtype), output[:, len(prompt) :].detach()], 1)

        with replacing(self.network, layer, swap):
            return self.log_probabilities(prompt.expand(len(vectors), -1), target)

    def _read(self, prompt: Tensor, target: Tensor) -> Tensor:
        return prompt[None] if self.decoder else torch.cat([prompt, target])[None]

    def write(self, prompt: Tensor, longest: int) -> Tensor:
        """Return the tokens (T,) that it writes after a prompt (S,), each the likeliest."""
        written = prompt.new_zeros(0)
        with torch.no_grad():
            while len(written) < longest and (not len(written) or int(written[-1]) not in self.ends):
                decoder_input = self._started(1, prompt.device) if self.decoder else prompt[None]
                decoder_input = torch.cat([decoder_input, written[None]], 1)
                asked = (
                    {"input_ids": prompt[None], "decoder_input_ids": decoder_input}
                    if self.decoder
                    else {"input_ids": decoder_input}
                )
                asked["attention_mask"] = torch.ones_like(asked["input_ids"])
                written = torch.cat([written, self._run(asked)[0, -1:].argmax(1)])
        return written


def writer_of(network: Any, tokenizer: Any) -> Writer:
    """Return a language model as a writer; raises InputError where it is none."""
    config = getattr(network, "config", None)
    if not isinstance(network, nn.Module) or config is None:
        wanted = "a language model of transformers, such as AutoModelForCausalLM makes"
        raise InputError("network", expected=wanted, got=describe(network))
    decoder = bool(getattr(config, "is_encoder_decoder", False))
    known = [getattr(config, "decoder_start_token_id", None)] if decoder else []
    known += [getattr(of, f"{name}_token_id", None) for name in ("bos", "eos") for of in (tokenizer, config)]
    end = getattr(config, "eos_token_id", None)
    ends = tuple(end) if isinstance(end, list | tuple) else () if end is None else (int(end),)
    start = next((int(number) for number in known if isinstance(number, int)), None)
    return Writer(network, start, ends, decoder)
