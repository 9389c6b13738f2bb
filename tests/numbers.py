"""Every number that methods and checks give on small networks, as digests: to hold a rebuilt house to the old one.

`python -m tests.numbers record FILE` before a change, `python -m tests.numbers compare FILE` after it, on one machine;
the second names every cell that differs, and exits with 1 where one does. Where a change renames keys,
`compare FILE NEW=OLD ...` reads them under their old names.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from pathlib import Path

import torch

import xai
from tests.kinds import inputs_for, model_for
from tests.test_contract import EXPLAINERS, QUICK
from tests.zoo import ZOO
from xai.methods import METHODS

NETWORKS = (
    "plain", "shared_module", "bfloat16", "one_logit", "log_probabilities", "transformer_encoder", "recurrent",
    "depthwise", "silu",
)  # fmt: skip
OLD_NAMES: dict[str, str] = {}  # of keys, by their new names
CHECKED = ("integrated_gradients", "occlusion", "lime_image", "lime_tabular", "lime_text", "kernel_shap", "lime_series")


def numbers() -> dict[str, str]:
    """Return a digest of each method's values on each network, and of the findings on some, by name."""
    found = {}
    for network in NETWORKS:
        for name in EXPLAINERS:
            model = model_for(name, network)
            try:
                made = METHODS[name].load()(model, inputs_for(name), **QUICK.get(name, {}))
            except xai.XaiError as error:
                found[f"{name} {network}"] = str(error)
                continue
            parts = [*made.values, *(made.standard_error or []), made.prediction]
            found[f"{name} {network}"] = _digest(parts, made.diagnostics, made.options, made.target)
            if network == "plain" and name in CHECKED:
                checked = xai.verify(model, made)
                found[f"verify {name} {network}"] = _digest([], [row.to_dict() for row in sum(checked.evidence, ())])
    model = ZOO["plain"]()
    made = xai.visualize(model, [xai.objectives.channel("conv2", k) for k in range(2)], steps=8)
    found["visualize"] = _digest([made.values, made.activations, made.reached, made.transformed], made.diagnostics)
    return found


def _digest(tensors: list[torch.Tensor], *plain: object) -> str:
    digest = hashlib.sha256(json.dumps(_under_old_names(plain), default=str, sort_keys=True).encode())
    for tensor in tensors:
        digest.update(tensor.detach().double().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _under_old_names(plain: object) -> object:
    if isinstance(plain, dict):
        return {OLD_NAMES.get(key, key): _under_old_names(value) for key, value in plain.items()}
    return [_under_old_names(item) for item in plain] if isinstance(plain, list | tuple) else plain


def main(action: str, path: str, *renamed: str) -> int:
    """Record the numbers, or compare them with those of a file; return the exit code."""
    OLD_NAMES.update(entry.split("=") for entry in renamed)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # sums in several threads differ in their last bits
    now = numbers()
    if action == "record":
        Path(path).write_text(json.dumps(now, indent=1))
        return 0
    before = json.loads(Path(path).read_text())
    differ = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    sys.stdout.write("".join(f"{name}: {before.get(name)} -> {now.get(name)}\n" for name in differ))
    sys.stdout.write(f"{len(before) - len(differ)} of {len(before)} are the same\n")
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
