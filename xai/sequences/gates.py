"""What the gates of a recurrent layer do, step by step: what is let in, kept and shown."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai.base.errors import LayerError, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.network.hooks import find_layer, recording, run_recorded
from xai.network.recurrent_states import GATES
from xai.results.sequence_results import Gates

__all__ = ["gate_activations"]

OPERATION = "gate_activations"


@names_errors("gate_activations")
def gate_activations(model: Model, inputs: object, *, layer: str | None = None, batch_size: int | None = None) -> Gates:
    """Return every gate of a recurrent layer at every step, and its states.

    torch keeps no gates: they are computed from its weights and the states that it put out, and then the states from
    them again, from zeros; by how much these miss torch's is `equation_error` in the diagnostics (large where a layer
    starts from another state). Of an LSTM the gates are input, forget, cell and output, each 0 to 1 but for cell (-1 to
    1); of a GRU reset, update and new (-1 to 1).

    Args:
        model: Of a recurrent network.
        inputs: Texts (of a vocabulary) or series, (N, ...).
        layer: An nn.LSTM or nn.GRU, by default the network's first; of a stack the last level, of two directions both,
            forward first.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        LayerError: There is no such layer.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; Cho et al. 2014, arXiv:1406.1078.

    >>> class Reader(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer, self.linear = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 2)
    ...     def forward(self, series):
    ...         return self.linear(self.layer(series)[0][:, -1])
    >>> found = gate_activations(Model(Reader()), torch.rand(1, 4, 2))
    >>> sorted(found.gates), found.gates["update"][0].shape
    (['new', 'reset', 'state', 'update'], torch.Size([4, 3]))
    """
    with model.explaining(OPERATION, inputs, 0, batch_size=batch_size, differentiable=model.input.embedded) as session:
        chosen = layer or _first(model.network)
        module = find_layer(model.network, chosen)
        kind = next((cell for cell in GATES if isinstance(module, cell)), None)
        if kind is None or not isinstance(module, nn.RNNBase):
            wanted = "an nn.LSTM or nn.GRU, whose gates are known"
            raise LayerError(f"layer {chosen!r}", expected=wanted, got=type(module).__name__)
        rows: dict[str, list[Tensor]] = {name: [] for name in (*GATES[kind], "state")}
        for part in session.chunks(len(session)):
            for name, values in _recorded(session, chosen, kind, part).items():
                rows[name].extend(values)
        steps = _steps(session, [len(row) for row in rows["state"]])
        found = {
            name: [row[: len(step)].float().cpu() for row, step in zip(parts, steps, strict=True)]
            for name, parts in rows.items()
        }
        errors = [_missed({name: parts[row] for name, parts in rows.items()}, module) for row in range(len(session))]
        return Gates(
            layer=chosen,
            kind="LSTM" if kind is nn.LSTM else "GRU",
            gates=found,
            steps=steps,
            directions=2 if module.bidirectional else 1,
            diagnostics=tuple({"equation_error": error} for error in errors),
            model_digest=model.digest(),
        )


def _first(network: nn.Module) -> str:
    names = [name for name, module in network.named_modules() if isinstance(module, tuple(GATES))]
    if not names:
        raise LayerError("network", expected="one with an nn.LSTM or nn.GRU", got=type(network).__name__)
    return names[0]


def _recorded(session: Session, layer: str, kind: type[nn.RNNBase], rows: Tensor) -> dict[str, list[Tensor]]:
    """Return each gate and the states of some rows, (T, H) each, steps behind the end left out."""
    names = {"state": layer, **{name: f"{layer}:{name}" for name in GATES[kind]}}
    with torch.no_grad(), recording(session.plan.network, names.values()) as recorded:
        run_recorded(lambda: session.score(session.inputs[rows], rows), recorded, names.values())
    seen = {name: recorded[read] for name, read in names.items()}
    lengths = (~seen["state"][:, :, 0].isnan()).sum(1).tolist()
    return {
        name: [row[:length].detach() for row, length in zip(values, lengths, strict=True)]
        for name, values in seen.items()
    }


def _steps(session: Session, lengths: list[int]) -> tuple[tuple[str, ...], ...]:
    """Return the names of each row's own steps: its words, or numbers; padding that a network reads on is left out."""
    present = session.present
    counts = lengths if present is None else [min(a, b) for a, b in zip(lengths, present.sum(1).tolist(), strict=True)]
    if session.words is not None:
        return tuple(names[:count] for names, count in zip(session.words.steps(), counts, strict=True))
    return tuple(tuple(str(number) for number in range(count)) for count in counts)


def _missed(row: dict[str, Tensor], module: nn.RNNBase) -> float:
    """Return by how much states computed from the gates miss those that torch put out, at the most."""
    directions = 2 if module.bidirectional else 1
    worst = 0.0
    for side in range(directions):
        parts = {name: values.double().chunk(directions, 1)[side] for name, values in row.items()}
        if side:
            parts = {name: values.flip(0) for name, values in parts.items()}
        state = torch.zeros_like(parts["state"][0])
        memory = torch.zeros_like(state)
        for step, truth in enumerate(parts["state"]):
            at = {name: values[step] for name, values in parts.items()}
            if isinstance(module, nn.LSTM):
                memory = at["forget"] * memory + at["input"] * at["cell"]
                state = at["output"] * memory.tanh()
            else:
                state = at["update"] * state + (1 - at["update"]) * at["new"]
            worst = max(worst, float((state - truth).abs().max()))
            state = truth if not isinstance(module, nn.LSTM) else state
    return worst
