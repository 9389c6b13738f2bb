"""
A first report in five minutes
==============================

From a trained network to a picture of why it answered so, the evidence on that picture, and a file to send around.
"""

# %%
# A trained network. This one is trained here on digits that come with the toolkit; ``xai train mnist-cnn`` does the
# same.

# sphinx_gallery_thumbnail_path = "pictures/report.png"
from pathlib import Path

import xai
from models.recipes import load_data, train_recipe

if not Path("runs/mnist-cnn").exists():
    train_recipe("mnist-cnn", "runs/mnist-cnn", epochs=4)
model = xai.load("runs/mnist-cnn")
data = load_data("mnist-cnn")
print(f"{xai.measure_performance(model, data.test_inputs, data.test_labels).accuracy:.1%} right")

# %%
# Why does it answer as it does? Occlusion hides one window after another: orange marks what the answer needs.

explanation = xai.occlusion(model, data.test_inputs[:1])
explanation

# %%
# A heat map is easy to believe. ``xai.verify`` tries to refute it: by hiding what it marks, by shuffling the
# weights, by noise.

verified = xai.verify(model, explanation)
for finding in verified.evidence[0]:
    print(f"{finding.check:14} {finding.status:10} {finding.text}")

# %%
# A report is one HTML file that fetches nothing: send it by mail. ``xai report runs/mnist-cnn`` writes the full
# one.

path = xai.Report("Why a digit is called so", [verified]).save("first.html")
print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")
