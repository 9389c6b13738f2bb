"""Feature visualization: images made to excite a unit, and how they compare with real ones."""

from xai.base.specs import Method

METHODS = (
    Method(
        function="xai.visualization.ascent:visualize",
        kind="visualization",
        scope="global",
        access="specific",
        inputs=("image", "tabular", "sequence", "text", "tensor"),
        needs_gradient=True,
        passes=256,
        summary="an input made to excite a unit, compared with real ones, with noise and with itself changed a little",
    ),
)
