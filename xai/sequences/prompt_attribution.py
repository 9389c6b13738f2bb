"""Which parts of a prompt a continuation rests on, token by token and in all, in several ways beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.text import TextInput
from xai.inputs.tokenized import TokenizerReader
from xai.network.digest import network_digest
from xai.network.guard import untouched
from xai.results.prompt_result import PromptAttribution
from xai.sequences.language_models import Writer, writer_of
from xai.sequences.prompt_call import PromptCall
from xai.sequences.prompt_evidence import hiding_findings

__all__ = ["prompt_attribution"]

METHODS = ("gradient", "integrated_gradients", "occlusion", "shapley")


@names_errors("prompt_attribution")
def prompt_attribution(
    network: Any,
    tokenizer: Any = None,
    prompt: str = "",
    continuation: str | Sequence[int] | None = None,
    *,
    methods: Sequence[str] = METHODS,
    units: str = "words",
    baseline: str | None = None,
    reference: str = "zero",
    steps: int = 32,
    samples: int = 256,
    longest: int = 16,
    controls: int = 199,
    seed: int = 0,
    batch_size: int = 32,
) -> PromptAttribution:
    """Return how much each part of a prompt adds to the log-probability of each token of a continuation.

    `gradient`: the gradient times the part's vectors. `integrated_gradients`: its mean on the way from a reference; a
    row adds up to the token's log-probability minus that at the reference. `occlusion`: the fall without the part.
    `shapley`: its mean effect over all orders of showing the parts; a row adds up to the log-probability minus that
    with all parts hidden, exactly. Tokens before the explained one are given as they are. Special tokens stay.

    Args:
        network: A causal language model or an encoder-decoder of Hugging Face, or a pipeline with one.
        tokenizer: That of the network; None is that of the pipeline.
        prompt: One text.
        continuation: A text, or ids; None is what the network writes, each time the likeliest token.
        methods: Which of the four.
        units: The parts: "words", "tokens", "sentences", or other units as for `lime_text`.
        baseline: What stands in place of a hidden part: "mask", "removed" or a string of one token; None is the mask
            token, where the tokenizer has one, else nothing.
        reference: Where the path begins: "zero", or the vector of "padding", "mask" or "unknown".
        steps: Points on the path.
        samples: Coalitions of parts; where all there are fit in, values are exact.
        longest: The most tokens that the network writes.
        controls: Sets of other parts that the highest are compared with, at least 19.
        seed: Of coalitions and controls; the same gives the same numbers.
        batch_size: How many evaluations at a time.

    Returns:
        Matrices, tokens of the continuation by parts of the prompt, with a finding for each on whether hiding what it
        ranks highest lowers the continuation's log-probability more than hiding other parts does.

    Raises:
        InputError: An argument cannot be.
        NetworkError: The network fails, or puts out something else than logits.

    Sources: Sundararajan, Taly, Yan 2017, arXiv:1703.01365; Lundberg, Lee 2017, arXiv:1705.07874.

    >>> import xai
    >>> xai.prompt_attribution(network, tokenizer, "The capital of France is", " Paris")  # doctest: +SKIP
    """
    if tokenizer is None and hasattr(network, "tokenizer") and hasattr(network, "model"):
        network, tokenizer = network.model, network.tokenizer
    least = {"steps": 1, "samples": 2, "longest": 1, "controls": 19, "batch_size": 1, "seed": 0}
    counts = {"steps": steps, "samples": samples, "longest": longest, "controls": controls, "batch_size": batch_size}
    for name, value in {**counts, "seed": seed}.items():
        whole_number(name, value, least[name])
    asked = [methods] if isinstance(methods, str) else list(methods)
    if not asked or any(method not in METHODS for method in asked):
        raise InputError("methods", expected=f"some of {', '.join(METHODS)}", got=describe(methods))
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError("prompt", expected="a text", got=describe(prompt))
    texts = TextInput.of(tokenizer)
    reader = texts.reader
    if not isinstance(reader, TokenizerReader):
        raise InputError("tokenizer", expected="one of transformers or tokenizers", got=describe(tokenizer))
    writer = writer_of(network, tokenizer)
    texts.prepare(prompt, "prompt")  # says where it is cut
    numbers = reader.numbers([prompt])
    device = next(writer.network.parameters()).device
    ids, parts = reader.ids(numbers)[0].to(device), reader.word_parts([prompt], numbers, len(prompt), units)
    hide = baseline if baseline is not None else texts.absent(numbers)
    with untouched(writer.network):
        target = _continuation(reader, writer, prompt, ids, continuation, longest)
        call = PromptCall(writer, reader, ids, parts, ~reader.ends(numbers)[0].to(device), target, hide, batch_size)
        whole = call.masked(torch.ones(1, call.count, dtype=torch.bool, device=device))[0]
        made: dict[str, Tensor] = {}
        errors: dict[str, Tensor] = {}
        diagnostics: dict[str, dict[str, Any]] = {}
        for method in asked:
            if method == "gradient":
                made[method], diagnostics[method] = call.gradient(), {}
            elif method == "integrated_gradients":
                made[method], diagnostics[method] = call.path(reference, steps)
            elif method == "occlusion":
                made[method], diagnostics[method] = call.occlusion(whole), {}
            else:
                made[method], errors[method], diagnostics[method] = call.shapley(whole, samples, seed)
        summed = {name: values.sum(0) for name, values in made.items()}
        evidence = hiding_findings(summed, call.hideable, lambda masks: call.masked(masks).sum(1), controls, seed)
    options = {"methods": asked, "units": units, "baseline": hide, "reference": reference, "steps": steps,
               "samples": samples, "controls": controls}  # fmt: skip
    return PromptAttribution(
        prompt=parts.names[0],
        continuation=tuple(_named(reader, number) for number in target.tolist()),
        log_probability=whole,
        values=made,
        standard_error=errors,
        diagnostics=diagnostics,
        evidence=evidence,
        options=options,
        seed=seed,
        model_digest=network_digest(writer.network),
    )


def _continuation(
    reader: TokenizerReader, writer: Writer, prompt: str, ids: Tensor, continuation: object, longest: int
) -> Tensor:
    """Return the tokens (T,) that are explained."""
    if continuation is None:
        return writer.write(ids, longest)
    if isinstance(continuation, str):
        # Cut together with the prompt, as the network would read it, where the prompt's own tokens stay what they are.
        whole = [] if writer.decoder else reader.of(prompt + continuation)
        begins = len(whole) > len(ids) and whole[: len(ids)] == ids.tolist()
        found = whole[len(ids) :] if begins else reader.of(continuation)
        kept = found if writer.decoder else [number for number in found if number not in reader.tokenizer.special]
    else:
        kept = [int(number) for number in (continuation if isinstance(continuation, Sequence | Tensor) else ())]
    if not kept or not all(0 <= number < reader.tokenizer.size for number in kept):
        raise InputError("continuation", expected="a text or ids of the tokenizer", got=describe(continuation))
    return torch.tensor(kept, dtype=torch.int64, device=ids.device)


def _named(reader: TokenizerReader, number: int) -> str:
    """Return a token as a reader sees it, or as the vocabulary has it where it is no text of its own."""
    text = reader.tokenizer.decode([number]).strip()
    return text if text and "\N{REPLACEMENT CHARACTER}" not in text else reader.tokenizer.name(number)
