"""Which of the tensors that a network puts out are the scores: the only one that can be, or the one that is named."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.errors import InputError, NetworkError, describe

__all__ = ["all_numbers", "named_tensors", "one_tensor", "read_scores"]

MOST_LISTED = 12


def named_tensors(output: object, path: str = "") -> dict[str, Tensor]:
    """Return every tensor in an output by its path: keys, fields and indices, joined by dots; "" is the output itself.

    >>> import torch
    >>> list(named_tensors({"logits": torch.zeros(2), "states": (torch.zeros(2), None, torch.zeros(3))}))
    ['logits', 'states.0', 'states.2']
    """
    if isinstance(output, Tensor):
        return {path: output}
    fields = getattr(output, "_fields", None) or getattr(output, "__dataclass_fields__", None)
    if isinstance(output, dict):
        items = output.items()
    elif fields:
        items = [(name, getattr(output, name)) for name in fields]
    elif isinstance(output, list | tuple):
        items = list(enumerate(output))
    else:
        return {}
    found: dict[str, Tensor] = {}
    for name, value in items:
        found.update(named_tensors(value, f"{path}.{name}" if path else str(name)))
    return found


def read_scores(output: object, key: str | int | None, rows: int) -> tuple[Tensor, str]:
    """Return scores (rows, K) and the path of the tensor that was taken, "" where the output is one tensor.

    Without a key that is what is called logits, or the only tensor that can be scores.
    Raises InputError for a key that there is none of, NetworkError where none or several can be scores.
    """
    tensors = named_tensors(output)
    if key is not None and str(key) not in tensors:
        got = f"{key!r}, and the network puts out one tensor" if list(tensors) == [""] else repr(key)
        raise InputError("output_key", expected=f"one of {_listed(tensors)}", got=got)
    if key is not None:
        fitting = {str(key): tensors[str(key)]}
    elif isinstance(getattr(output, "logits", None), Tensor) or "logits" in tensors:
        fitting = {"logits": tensors.get("logits", getattr(output, "logits", None))}
    else:
        fitting = {path: tensor for path, tensor in tensors.items() if _can_be(tensor, rows)}
    if len(fitting) > 1:
        wanted = "one output that can be scores; say with output_key= which it is"
        raise NetworkError("network", expected=wanted, got=_listed(fitting))
    if not fitting or not _can_be(next(iter(fitting.values())), rows):
        wanted = f"scores of shape ({rows}, K); choose them with forward=, or explain another number (xai.targets)"
        raise NetworkError("network", expected=wanted, got=_listed(tensors) if tensors else describe(output))
    ((path, scores),) = fitting.items()
    if scores.is_meta:
        raise NetworkError("network", expected="weights with numbers", got='some on the device "meta", which have none')
    return scores[:, None] if scores.ndim == 1 else scores, path


def _can_be(tensor: Tensor, rows: int) -> bool:
    return tensor.ndim in (1, 2) and len(tensor) == rows and tensor.is_floating_point()


def _listed(tensors: dict[str, Tensor]) -> str:
    if list(tensors) == [""]:
        return describe(tensors[""])
    listed = [f"{path!r} ({describe(tensor)})" for path, tensor in tensors.items()]
    more = f", and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    return ", ".join(listed[:MOST_LISTED]) + more if listed else "nothing"


def all_numbers(output: object, rows: int) -> Tensor | None:
    """Return every floating number of an output with one part per row, (rows, M), else the sum of all, (rows, 1).

    None where there is no floating number, and where a single tensor has other rows: that network wants another batch.
    """
    floating = [tensor for tensor in named_tensors(output).values() if tensor.is_floating_point()]
    found = [tensor.reshape(rows, -1) for tensor in floating if tensor.shape[:1] == (rows,)]
    if found:
        return torch.cat(found, 1)
    if not floating or isinstance(output, Tensor):
        return None
    return torch.stack([tensor.sum() for tensor in floating]).sum().expand(rows, 1)


def one_tensor(output: object, key: str | int | None, ranks: tuple[int, ...]) -> Tensor:
    """Return the only floating tensor of some number of axes; where several are, the one called logits or out.

    Raises InputError for a key that there is none of, NetworkError where none or several fit.
    """
    tensors = named_tensors(output)
    if key is not None and str(key) not in tensors:
        raise InputError("output", expected=f"one of {_listed(tensors)}", got=repr(key))
    fitting = {
        path: tensor
        for path, tensor in tensors.items()
        if tensor.is_floating_point() and tensor.ndim in ranks and (key is None or path == str(key))
    }
    usual = [fitting[name] for name in ("logits", "out") if name in fitting]
    if len(fitting) > 1 and not usual:
        raise NetworkError("network", expected="one such output; say with output= which it is", got=_listed(fitting))
    if not fitting:
        wanted = f"a floating tensor of {' or '.join(map(str, ranks))} axes for this target"
        raise NetworkError("network", expected=wanted, got=_listed(tensors) if tensors else describe(output))
    return usual[0] if usual else next(iter(fitting.values()))
