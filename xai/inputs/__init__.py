"""Kinds of input, a file each."""

# The kinds of this package and their files: they are public, and a model folder may name them.
INPUT_KINDS = {
    "ImageInput": "xai.inputs.image",
    "TabularInput": "xai.inputs.table",
    "SequenceInput": "xai.inputs.series",
    "TextInput": "xai.inputs.text",
    "TensorInput": "xai.inputs.tensor",
}
