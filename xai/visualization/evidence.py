"""What a visualization is worth: does it excite the unit more than real images do, and still when it is moved?"""

from __future__ import annotations

from torch import Tensor

from xai.core.finding import Finding

__all__ = ["compare_with_real"]

NEARLY_ALL = 0.95
LEAST_REAL = 20  # fewer cannot tell 95 % from all
EXAMPLES = 3  # how many of the most exciting real images are named


def compare_with_real(name: str, reached: float, transformed: float, real: Tensor, real_moved: Tensor) -> Finding:
    """Return a finding from the objective on the image, on moved copies of it (their mean), and on real images, as they
    are and moved in the same way, (n,) each.

    pass: the image exceeds every real one, and its moved copies every moved real one. warn: at least 95 % of them.
    fail: less. untestable: the unit does not vary over the real images.
    """
    count, (low, high) = len(real), (float(real.min()), float(real.max()))
    best = real.argsort(descending=True)[:EXAMPLES].tolist()
    details = {
        "reached": reached, "transformed": transformed, "real_low": low, "real_high": high, "real_count": count,
        "best": best,
    }  # fmt: skip
    control = f"{count} real images reach from {low:.3g} to {high:.3g}"
    if count < LEAST_REAL:
        text = f"Untestable: {count} real images are too few to compare {name} with ({LEAST_REAL} are the least)."
        return Finding("real_images", "untestable", None, 1.0, control, text, details)
    if high - low <= 1e-9 * max(abs(high), abs(low), 1e-9):
        text = f"Untestable: {name} is the same on all {count} real images, as a dead unit is."
        return Finding("real_images", "untestable", None, 1.0, control, text, details)
    still, moved = float((real < reached).double().mean()), float((real_moved < transformed).double().mean())
    share = min(still, moved)
    where = f"more than {share:.1%} of {count} real images do"
    if share == 1:
        status, text = (
            "pass",
            f"The image excites {name} more than any of {count} real images, also when moved a little.",
        )
    elif still == 1:
        status = "warn" if moved >= NEARLY_ALL else "fail"
        text = f"The image excites {name} more than any real image, but moved a little only {where} moved alike."
    elif share >= NEARLY_ALL:
        status, text = "warn", f"The image excites {name} {where}: like the strongest of them, not beyond."
    else:
        status, text = "fail", f"The image excites {name} only {where}: it does not show what the unit looks for."
    return Finding("real_images", status, share, 1.0, control, text, details)
