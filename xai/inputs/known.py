"""The kinds of input that a model folder may name."""

from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput

__all__ = ["KnownInput"]

KnownInput = ImageInput | TabularInput | SequenceInput | TextInput | TensorInput
