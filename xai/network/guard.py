"""Leave no trace: everything a network and the process had before an explanation, they have after it."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from xai.base.errors import NetworkError
from xai.network.function_modes import modes_put_back
from xai.network.modules import modules_of, parameters_of, tensors_of

__all__ = ["same_random_state", "untouched"]

# A network that one thread has in eval mode must not be put back by another: explanations of a process take turns.
_turn = threading.RLock()
LARGEST = 2**26  # bytes of an array or tensor that a module holds beside its buffers: larger ones are not copied
# What cannot change in place, or is put back by other means.
FIXED = frozenset({bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device, torch.Size})


def _new_turn() -> None:
    # A child that was forked while another thread held the lock would wait for a thread that it does not have.
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_turn)


class untouched:
    """Run the body with the network in eval mode, frozen, and gradients on; undo every change, also after an exception.

    Restores each submodule's train/eval mode, attributes (and what dictionaries, lists, sets, deques, arrays and
    tensors among them hold, at any depth), hooks and buffers, the `.grad` and `requires_grad` of each parameter, and
    the global random state of torch (CPU and the network's devices), numpy and random. One thing that cannot be put
    back does not keep the others from it. Threads take turns, since all this is shared by them.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __enter__(self) -> None:
        self._turn = _turn
        self._turn.acquire()
        self._undo: list[Callable[[], object]] = []
        self._modes = ExitStack()
        try:
            self._prepare()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def _prepare(self) -> None:
        self._undo.append(_random_state(self.network))
        self._modes.enter_context(torch.inference_mode(False))
        self._modes.enter_context(torch.enable_grad())
        if "torch._dynamo" in sys.modules:
            # What torch.compile has made runs as it was written: with hooks in it, it would be compiled each time.
            self._modes.enter_context(torch.compiler.set_stance("force_eager"))
        modules = modules_of(self.network)
        parameters, buffers = tensors_of(modules)
        if any(map(is_lazy, (*parameters, *buffers))):
            wanted = "layers of a known size; a lazy one takes it, with new weights, from the first batch it is run on"
            raise NetworkError("network", expected=wanted, got="a lazy layer that was never run")
        seen = {id(tensor) for tensor in (*parameters, *buffers)} | {id(module) for module in modules}
        for buffer in buffers:
            self._undo.append(_content(buffer))
        held = _Held(seen)
        for module in modules:
            if isinstance(module, torch.jit.ScriptModule):
                if hasattr(module, "training"):  # what was frozen has none
                    self._undo.append(partial(setattr, module, "training", module.training))
            else:
                held.record_module(vars(module))
        self._undo.append(held.put_back)
        if any(getattr(module, "training", False) for module in modules):
            _to_eval(self.network, modules)
        for module in modules:
            # The fast path of transformer layers (nested tensors) sets masked positions to 0, and is taken only without
            # gradients: the network would be another function.
            if isinstance(module, nn.TransformerEncoder) and getattr(module, "use_nested_tensor", False):
                module.use_nested_tensor = False
        before = [(parameter, parameter.grad, parameter.requires_grad) for parameter in parameters]
        self._undo.append(lambda: _put_gradients_back(before))
        for parameter in parameters:
            # No explanation needs the gradient of a weight: without it a backward pass keeps and computes less.
            if parameter.requires_grad and not parameter.is_inference():
                parameter.requires_grad = False
        self._undo.append(modes_put_back())  # the first thing to be put back: one that is left changes what torch does

    def __exit__(self, *_: object) -> None:
        failed: list[Exception] = []
        interrupt: BaseException | None = None
        try:
            while self._undo:
                put_back = self._undo[-1]  # removed from the list when it is done: after an interrupt it is done again
                try:
                    put_back()
                except Exception as error:
                    failed.append(error)
                except BaseException as error:  # Ctrl-C: first everything is put back
                    interrupt = error
                    continue
                self._undo.pop()
            self._modes.close()
        finally:
            self._turn.release()
        if interrupt is not None:
            raise interrupt
        if failed:
            got = f"{type(failed[0]).__name__}: {failed[0]}"
            raise NetworkError("network", expected="a state that can be put back", got=got) from failed[0]


def _to_eval(network: nn.Module, modules: list[nn.Module]) -> None:
    try:
        network.eval()
    except NotImplementedError:  # an exported program has one mode
        for module in modules:
            if getattr(module, "training", False):
                module.training = False


class same_random_state:
    """Run the body, then put the global random state of torch, numpy and random back."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __enter__(self) -> None:
        self._put_back = _random_state(self.network)

    def __exit__(self, *_: object) -> None:
        self._put_back()


def _random_state(network: nn.Module) -> Callable[[], None]:
    """Return what puts back the random state of torch, numpy and random, as it is now."""
    used = torch.cuda.is_initialized()
    devices = {parameter.device for parameter in parameters_of(network) if parameter.is_cuda} if used else ()
    cpu, others = torch.get_rng_state(), [(device, torch.cuda.get_rng_state(device)) for device in devices]
    arrays, plain = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002 - the global state is what we guard
    before = _stream()

    def put_back() -> None:
        torch.set_rng_state(cpu)
        for device, state in others:
            torch.cuda.set_rng_state(state, device)
        random.setstate(plain)
        # Setting numpy's state takes longer than a pass of a small network, so it is set only where a draw has changed
        # the stream, or used the normal number that was kept from the draw before.
        if before is None or arrays["has_gauss"] or _stream() != before:
            np.random.set_state(arrays)  # noqa: NPY002

    return put_back


def _stream() -> bytes | None:
    """Return the state of numpy's global stream, None where it is not the usual generator."""
    source = np.random.mtrand._rand._bit_generator  # type: ignore[attr-defined]
    if not isinstance(source, np.random.MT19937):
        return None
    import ctypes

    return ctypes.string_at(source.ctypes.state_address, 625 * 4)  # 624 words and the index of the next


def _put_gradients_back(before: list[tuple[Tensor, Tensor | None, bool]]) -> None:
    for parameter, gradient, requires_grad in before:
        if parameter.grad is not gradient:
            parameter.grad = gradient
        if parameter.requires_grad != requires_grad:
            parameter.requires_grad = requires_grad


def _content(tensor: Tensor) -> Callable[[], None]:
    """Return what writes a tensor's numbers back into it where they changed."""
    before = tensor.detach().clone()

    def put_back() -> None:
        with torch.no_grad():
            plain = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
            if not plain or not torch.equal(tensor, before):
                tensor.copy_(before)

    return put_back


class _Held:
    """What dictionaries, lists, sets, deques, arrays and tensors held when they were recorded, at any depth."""

    def __init__(self, known: set[int]) -> None:
        self.known = known  # what is recorded already, by identity: containers may hold themselves
        self.empty: list = []  # a module has some fifteen empty dictionaries of hooks
        self.dictionaries: list[tuple[dict, dict]] = []
        self.sequences: list[tuple[list | set | deque, list]] = []
        self.numbers: list[Callable[[], None]] = []

    def record_module(self, attributes: dict) -> None:
        """Record the attributes of a module; most are empty."""
        before = dict(attributes)
        self.dictionaries.append((attributes, before))
        for value in before.values():
            kind = type(value)
            if (kind is dict or kind is OrderedDict) and not value:
                self.empty.append(value)
            elif kind not in FIXED:
                self.record(value)

    def record(self, value: object) -> None:
        """Record a value, and what it holds."""
        kind = type(value)
        if kind in FIXED or id(value) in self.known:
            return
        if isinstance(value, dict | list | set | deque | tuple):
            self.known.add(id(value))
            if not value:
                if kind is not tuple:
                    self.empty.append(value)
                return
            if isinstance(value, dict):
                before = dict(value)
                self.dictionaries.append((value, before))
                inside = before.values()
            else:
                inside = list(value)
                if not isinstance(value, tuple):
                    self.sequences.append((value, inside))
            for item in inside:
                if type(item) not in FIXED:
                    self.record(item)
        elif isinstance(value, np.ndarray) and value.nbytes <= LARGEST and value.dtype != object:
            self.known.add(id(value))
            before = value.copy()
            self.numbers.append(lambda: np.copyto(value, before) if value.flags.writeable else None)
        elif isinstance(value, Tensor) and value.numel() * value.element_size() <= LARGEST:
            self.known.add(id(value))
            self.numbers.append(_content(value))

    def put_back(self) -> None:
        """Put everything back where it changed."""
        for value in self.empty:
            if value:
                value.clear()
        for value, before in self.dictionaries:
            if len(value) != len(before) or list(value) != list(before):
                value.clear()
                value.update(before)
                continue
            for key, item in before.items():
                if value[key] is not item:
                    value[key] = item
        for value, items in self.sequences:
            if len(value) != len(items) or any(now is not item for now, item in zip(value, items, strict=True)):
                value.clear()
                (value.update if isinstance(value, set) else value.extend)(items)
        for restore in self.numbers:
            restore()
