"""
Your own image folder and network
=================================

A network of your own, a folder with one subfolder per class, and the model folder that the command line works on.
"""

# %%
# A folder of images, as you may have it: ``images/zero/0.png``, ``images/one/3.png`` and so on.

from pathlib import Path

import torch
from PIL import Image
from torch import nn

import xai
from models.recipes import load_data

data = load_data("digits-cnn")
names = ["zero", "one", "two", "three"]
for number, (pixels, label) in enumerate(zip(data.train_inputs, data.train_labels, strict=True)):
    if label < 4 and number < 600:
        path = Path("images", names[label], f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels[0] * 255).byte().numpy()).save(path)

# %%
# The network takes pixels from 0 to 1; the toolkit normalizes, so that every method sees the same.

torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(1024, 4),
)
model = xai.Model(network, classes=names, input=xai.ImageInput((1, 8, 8)), name="my-digits")

# %%
# Train it as you always do.

images = xai.read_images(sorted(Path("images").rglob("*.png")), model.input)
labels = torch.tensor([names.index(path.parent.name) for path in sorted(Path("images").rglob("*.png"))])
optimizer = torch.optim.Adam(network.parameters(), 0.003)
for _ in range(30):
    loss = nn.functional.cross_entropy(network(images.images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
network.eval()
print(f"loss {loss.item():.3f}")

# %%
# Several methods on one image, as overlays.

import matplotlib.pyplot as plt

from xai import plots

picture = images.images[:1]
made = [xai.integrated_gradients(model, picture), xai.occlusion(model, picture, window=2), xai.gradcam(model, picture)]
figure, axes = plt.subplots(1, 3, figsize=(8, 3))
for explanation, place in zip(made, axes, strict=True):
    plots.overlay(explanation, ax=place)

# %%
# Keep it as a model folder, and the command line does the rest: ``xai report mine --data images --trust-code``.

folder = xai.save_model(model, "mine", factory="network.py:build")
print(sorted(path.name for path in folder.iterdir()))
