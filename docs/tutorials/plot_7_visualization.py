"""
Feature visualization, from edges to objects
============================================

An image made step by step so that one unit answers as strongly as it can, beside the real images that excite it most.
"""

# %%
# A trained network, and real images to compare with.

from pathlib import Path

import matplotlib.pyplot as plt

import xai
from models.recipes import load_data, train_recipe
from xai.plots.style import pixels_to_draw

if not Path("runs/mnist-cnn").exists():
    train_recipe("mnist-cnn", "runs/mnist-cnn", epochs=4)
model = xai.load("runs/mnist-cnn")
real = load_data("mnist-cnn").test_inputs[:100]

# %%
# Units of three layers: what each is made of is seen by how much of the image it can see.

units = [xai.objectives.channel(layer, number) for layer in ("norm1", "norm2", "norm3") for number in range(4)]
made = [xai.visualize(model, unit, steps=96, reference=real) for unit in units]
figure, axes = plt.subplots(3, 4, figsize=(7, 5.6))
for item, place in zip(made, axes.flatten(), strict=True):
    place.imshow(pixels_to_draw(item.image[0]), cmap="gray")
    place.set_title(item.objective[0], fontsize=8)
    place.set_axis_off()

# %%
# Does the image excite the unit more than every real one, also when both are moved a little? If not, do not read
# it.

for item in made[::4]:
    print(item.objective[0], "-", item.evidence[0][0].status, "-", item.evidence[0][0].text)

# %%
# A class rather than a unit: why a 3 rather than an 8.

three = xai.objectives.logit(3) - xai.objectives.logit(8)
xai.visualize(model, three, steps=128, reference=real).plot()

# %%
# Photographs go further, from edges over textures to objects: ``make imagenet`` draws the units of
# EfficientNet-Lite0.
