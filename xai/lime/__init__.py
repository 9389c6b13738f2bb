"""LIME: a simple model fitted to a network's answers around one input, with error bars."""

from xai.base.specs import ANY, Method

METHODS = (
    Method(
        function="xai.lime.image:lime_image",
        kind="surrogate",
        claim="additive",
        access="agnostic",
        inputs=("image",),
        needs_gradient=False,
        passes=1000,
        summary="a weighted linear model fitted around the image, with an error bar on every segment",
    ),
    Method(
        function="xai.lime.parts:lime_segments",
        kind="surrogate",
        claim="additive",
        access="agnostic",
        inputs=(*ANY, "sequence"),
        needs_gradient=False,
        passes=5000,
        summary="a weighted linear model fitted around inputs of any kind, with an error bar on every part",
    ),
    Method(
        function="xai.lime.tabular:lime_tabular",
        kind="surrogate",
        claim="additive",
        access="agnostic",
        inputs=("tabular",),
        needs_gradient=False,
        passes=5000,
        summary="a weighted linear model fitted around the row, with an error bar on every column",
    ),
    Method(
        function="xai.lime.text:lime_text",
        kind="surrogate",
        claim="additive",
        access="agnostic",
        inputs=("text",),
        needs_gradient=False,
        passes=5000,
        summary="a weighted linear model fitted around the text, with an error bar on every word",
    ),
    Method(
        function="xai.lime.series:lime_series",
        kind="surrogate",
        claim="additive",
        access="agnostic",
        inputs=("tensor", "sequence"),
        needs_gradient=False,
        passes=5000,
        summary="a weighted linear model fitted around the series, with an error bar on every window of time",
    ),
)
