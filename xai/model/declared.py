"""What a user declares of a network, checked."""

from __future__ import annotations

from torch import nn

from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.model.outputs import OUTPUTS, TASKS

__all__ = ["check_declared"]


def check_declared(network: object, task: str, output: str, input: object, output_key: object) -> None:
    """Raise InputError where an argument of a model is not one of the known values."""
    if not isinstance(network, nn.Module):
        made = isinstance(network, type)
        function = callable(network) and not made
        hint = " (of a function: xai.Model.from_callable)" if function else " made of the class" if made else ""
        raise InputError("network", expected=f"a torch.nn.Module{hint}", got=describe(network))
    for argument, value, known in (("task", task, TASKS), ("output", output, OUTPUTS)):
        if value not in known:
            raise InputError(argument, expected=f"one of {', '.join(known)}", got=repr(value))
    if input is not None and not isinstance(input, Input):
        wanted = "a kind of input such as ImageInput, TabularInput, SequenceInput, TextInput or TensorInput"
        raise InputError("input", expected=wanted, got=describe(input))
    if output_key is not None and (isinstance(output_key, bool) or not isinstance(output_key, str | int)):
        raise InputError("output_key", expected="a key, a field or an index", got=describe(output_key))
