"""Networks that read and write in order: which source symbol a written one rests on, and what gates do over time."""

from xai.base.specs import Method

METHODS = (
    Method(
        function="xai.sequences.alignment:alignment",
        kind="model",
        inputs=("text",),
        needs_gradient=True,
        passes=50,
        summary="which source symbol each written one rests on, and whether the answer follows the attention",
    ),
    Method(
        function="xai.sequences.gates:gate_activations",
        kind="model",
        inputs=("sequence", "text"),
        needs_gradient=False,
        passes=1,
        summary="what the gates of a recurrent layer let in, keep and show at every step",
    ),
)
