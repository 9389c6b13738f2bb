"""What a network puts out, evaluated once where several explanations ask for the same batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from xai.base.digest import tensor_digest

__all__ = ["evaluated_once"]


def evaluated_once(
    memory: dict[tuple, Tensor] | None, form: tuple[object, ...], batch: Tensor | list[str], run: Callable[[], Tensor]
) -> Tensor:
    """Return what `run` puts out for a batch, from an earlier pass of this form of the network if there was one.

    memory: None where nothing is shared. Texts are their own key: a digest of them would be no shorter to look up.
    """
    if memory is None:
        return run()
    key = (*form, tensor_digest(batch) if isinstance(batch, Tensor) else tuple(batch))
    if key not in memory:
        memory[key] = run()
    return memory[key]
