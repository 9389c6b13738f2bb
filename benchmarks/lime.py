"""LIME: we, lime 0.2.0.1 and the limit (as many forward passes at the best batch size), interleaved in one process.

`python -m benchmarks.lime [image table text efficientnet memory]`.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from functools import partial

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from benchmarks.lime_models import digits_model, table_model, text_model
from benchmarks.output import say
from benchmarks.timing import least_seconds, peak_bytes
from xai.base.allocator import keep_memory
from xai.inputs.image import ImageInput
from xai.lime.image import lime_image
from xai.lime.mask_sampling import default_width, draw_masks, mask_distribution
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text
from xai.lime.training_summary import TrainingSummary
from xai.model.model import Model

BATCHES = (16, 64, 128, 256, 512, 1024)


def passes(network: nn.Module, batch: Tensor, size: int) -> None:
    with torch.no_grad():
        for part in batch.split(size):
            network(part)


def best_batch(network: nn.Module, batch: Tensor, sizes: tuple[int, ...] = BATCHES) -> int:
    times = least_seconds({str(size): partial(passes, network, batch, size) for size in sizes}, 2)
    return int(min(times, key=times.get))


def report(name: str, times: dict[str, float], scale: float = 1.0) -> None:
    """scale: by how much lime's time is to be multiplied, where it ran on fewer rows."""
    lime = times.get("lime", float("nan")) * scale
    limit = times["limit"]
    say(
        f"| {name} | {1000 * times['ours']:.1f} | {1000 * lime:.0f} | {1000 * limit:.1f} "
        f"| {times['ours'] / limit:.2f} | {lime / times['ours']:.1f} |"
    )


def image() -> None:
    """1,000 samples of 28 x 28 pixels in 49 segments."""
    from lime.lime_image import LimeImageExplainer

    model, pictures = digits_model()
    size = best_batch(model.network, torch.rand(1000, 1, 28, 28))
    batch = torch.rand(1000, 1, 28, 28)
    labels = (torch.arange(28)[:, None] // 4 * 7 + torch.arange(28)[None] // 4).numpy()
    pixels = pictures[0, 0].double().numpy()

    def predict(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.network(torch.from_numpy(images[..., :1]).permute(0, 3, 1, 2).float()).softmax(1).numpy()

    def lime() -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            LimeImageExplainer(random_state=0).explain_instance(
                pixels, predict, hide_color=0, top_labels=1, num_samples=1000, batch_size=size,
                segmentation_fn=lambda image: labels,
            )  # fmt: skip

    runs = {
        "ours": lambda: lime_image(model, pictures[:1], segments="grid", fill="zero", samples=1000),
        "lime": lime,
        "limit": partial(passes, model.network, batch, size),
    }
    report(f"small CNN, 1,000 samples (limit at batch {size})", least_seconds(runs, 7))


def table() -> None:
    """12 columns in quartiles, 5,000 samples a row."""
    from lime.lime_tabular import LimeTabularExplainer

    model, data = table_model()
    summary = TrainingSummary.of(data, names=list(model.input.names))
    explainer = LimeTabularExplainer(data.numpy(), feature_names=list(model.input.names), random_state=0)
    batch = torch.randn(5000, 12)
    size = best_batch(model.network, batch, (256, 512, 1024, 5000))

    def predict(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.network(torch.from_numpy(rows).float()).softmax(1).numpy()

    def lime(rows: int) -> np.ndarray:
        weights_by_row = [
            dict(explainer.explain_instance(row, predict, labels=(1,), num_features=12, num_samples=5000).local_exp[1])
            for row in data[:rows].numpy()
        ]
        return np.array([[weights[column] for column in range(12)] for weights in weights_by_row])

    ours = partial(lime_tabular, model, target=1, background=summary, samples=5000)

    def limit(rows: int) -> None:
        for _ in range(rows):
            passes(model.network, batch, size)

    def few() -> None:
        explainer.explain_instance(data[0].numpy(), predict, labels=(1,), num_features=5, num_samples=5000)

    ours(data[:1])
    runs = {"ours": lambda: ours(data[:1]), "plain": lambda: ours(data[:1], controls=None), "lime": lambda: lime(1),
            "limit": lambda: limit(1), "few": lambda: ours(data[:1], surrogate="forward", features=5, controls=None),
            "lime few": few}  # fmt: skip
    times = least_seconds(runs, 10)
    report("one row, all 12 weights", times)
    report("one row, the same without controls", {**times, "ours": times["plain"]})
    report("one row, 5 features by forward selection", {**times, "ours": times["few"], "lime": times["lime few"]})
    runs = {"ours": lambda: ours(data[:500], shared=True), "lime": lambda: lime(10), "limit": lambda: limit(50)}
    times = least_seconds(runs, 3)
    times["limit"] *= 10
    report("500 rows, shared samples", times, 50)
    shared = partial(ours, data[:500], shared=True, surrogate="forward", features=5)
    times = least_seconds({"ours": shared, "lime": few, "limit": lambda: limit(1)}, 3)
    report("500 rows, shared samples, 5 features by forward selection", {**times, "limit": 500 * times["limit"]}, 500)
    runs = {"ours": lambda: ours(data[:50]), "plain": lambda: ours(data[:50], controls=None),
            "lime": lambda: lime(10), "limit": lambda: limit(50)}  # fmt: skip
    times = least_seconds(runs, 3)
    report("50 rows, samples of their own", times, 5)
    report("50 rows, the same without controls", {**times, "ours": times["plain"]}, 5)
    first, second = lime(40), lime(40)
    fresh, shared = (torch.stack(ours(data[:40], shared=s).values).numpy() for s in (False, True))
    for name, weights in (("lime again", second), ("ours", fresh), ("ours, shared samples", shared)):
        found = np.corrcoef(first.ravel(), weights.ravel())[0, 1]
        say(f"correlation of 40 rows' coefficients with lime's: {name} {found:.4f}")


def sampled_texts(model: Model, text: str, samples: int) -> list[Tensor]:
    """Return the numbers of words of that many samples, equal ones included, the longest first."""
    numbers = model.input.feed([text])[0]
    words, owner = numbers.unique(return_inverse=True)
    distribution = mask_distribution(len(words), "sizes", default_width(len(words), "sizes"))
    masks = draw_masks(distribution, 1, samples // 2, torch.Generator().manual_seed(0))[0]
    return sorted((numbers[kept] for kept in masks[:, owner]), key=len, reverse=True)


def text() -> None:
    """40 words; 5,000 samples are lime's default."""
    from lime.lime_text import LimeTextExplainer

    for name, recurrent, samples in (
        ("light", False, 1000),
        ("light", False, 5000),
        ("LSTM", True, 1000),
        ("LSTM", True, 5000),
    ):
        model, texts = text_model(recurrent)

        def predict(batch: list[str], model: Model = model) -> np.ndarray:
            numbers = model.input.feed(batch)
            with torch.no_grad():
                return torch.cat([model.network(part).softmax(1) for part in numbers.split(256)]).numpy()

        # The limit's texts are those of an explanation, in numbers already, sorted and cut to the longest of a batch.
        rows = sampled_texts(model, texts[0], samples)

        def batches(size: int, rows: list[Tensor] = rows) -> list[Tensor]:
            return [
                nn.utils.rnn.pad_sequence(rows[start : start + size], batch_first=True)
                for start in range(0, len(rows), size)
            ]

        def limit(parts: list[Tensor], network: nn.Module = model.network) -> None:
            with torch.no_grad():
                for part in parts:
                    network(part)

        explainer = LimeTextExplainer(random_state=0)
        prepared = {size: batches(size) for size in (32, 64, 128, 256, 512, 1024)}
        trial = least_seconds({str(size): partial(limit, prepared[size]) for size in prepared}, 3)
        size = int(min(trial, key=trial.get))
        runs = {
            "ours": partial(lime_text, model, texts[0], samples=samples),
            "best": partial(lime_text, model, texts[0], samples=samples, batch_size=size),
            "lime": partial(explainer.explain_instance, texts[0], predict, num_features=10, num_samples=samples),
            "limit": partial(limit, prepared[size]),
        }
        times = least_seconds(runs, 7)
        report(f"{name} network, {samples:,} samples (limit at batch {size})", times)
        report(f"{name} network, the same with batch_size={size}", {**times, "ours": times["best"]})


def efficientnet(samples: int = 200) -> None:
    """EfficientNet-Lite0 at 224 x 224, in eager mode as the limit."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    model = Model(network, input=ImageInput((3, 224, 224)))
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 224, 224, generator=generator)
    batch = torch.rand(samples, 3, 224, 224, generator=generator)
    size = best_batch(network, batch[:16], (1, 2, 4, 8))
    labels = torch.arange(224)[:, None] // 32 * 7 + torch.arange(224)[None] // 32
    runs = {
        "ours": lambda: lime_image(model, picture, segments=labels, fill="zero", samples=samples),
        "limit": partial(passes, network, batch, size),
    }
    report(f"EfficientNet-Lite0, {samples} samples (limit at batch {size})", least_seconds(runs, 2))


def memory() -> None:
    """Peak resident memory of a process that explains one text with 1,000 and with 100,000 samples."""
    for surrogate in ("ridge", "lasso"):
        peaks = {}
        for samples in (1000, 100_000):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.lime", "peak", surrogate, str(samples)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            peaks[samples] = int(done.stdout)
        say(
            f"{surrogate}: peak {peaks[1000] / 1024:.1f} MiB at 1,000 samples, {peaks[100_000] / 1024:.1f} MiB at "
            f"100,000: {100 * (peaks[100_000] / peaks[1000] - 1):+.1f} %"
        )


def peak(surrogate: str, samples: int) -> None:
    model, texts = text_model()
    lime_text(model, texts[0], samples=samples, surrogate=surrogate)
    say(peak_bytes() // 1024)


PARTS = {"image": image, "table": table, "text": text, "efficientnet": efficientnet, "memory": memory}


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)  # the same for lime's NumPy and SciPy
    if arguments[:1] == ["peak"]:
        return peak(arguments[1], int(arguments[2]))
    keep_memory()
    say(f"torch {torch.__version__}, one thread; least CPU ms of interleaved rounds")
    for name in arguments or PARTS:
        say(f"\n{name}: {PARTS[name].__doc__}")
        if name != "memory":
            say("| case | ours, ms | lime, ms | limit, ms | ours / limit | lime / ours |\n|---|---|---|---|---|---|")
        PARTS[name]()
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
