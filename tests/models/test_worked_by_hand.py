"""What the worked examples compute, by fractions, loops and finite differences."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from xai.base.experiment import WorkedExample


def wanted(example: WorkedExample, start: str) -> list[float]:
    """Return what stands by hand in the row of the table that begins so."""
    (row,) = [comparison for comparison in example.comparisons if comparison.name.startswith(start)]
    return row.wanted


# By hand, each in another way than the file has it


def test_the_neuron_in_fractions(examples: dict[str, WorkedExample]) -> None:
    """The weight's distance from target / input shrinks by 1 - alpha x² at each step."""
    example = examples["neuron"]
    for x, target, start, name in ((2, Fraction(4, 5), Fraction(1, 10), "weight"), (5, 2, Fraction(1, 10), "input 5")):
        right, factor = Fraction(target) / x, 1 - Fraction(1, 10) * x * x
        path = [right + (start - right) * factor**step for step in range(3)]
        if name == "weight":
            assert wanted(example, "weight")[0] == pytest.approx(float(path[1]))
            assert wanted(example, "second step: derivative") == pytest.approx(
                [float(x * (x * path[1] - target)), float(path[2])]
            )
            assert wanted(example, "second step: prediction") == pytest.approx(
                [float(x * path[1]), float((x * path[1] - target) ** 2)]
            )
            slope = ((0.1 + 1e-6) * x - 0.8) ** 2 - ((0.1 - 1e-6) * x - 0.8) ** 2
            assert 2 * wanted(example, "derivative")[0] == pytest.approx(slope / 2e-6)  # the erratum's factor 2
        else:
            assert wanted(example, name) == pytest.approx([float(value) for value in path[1:]])


def test_activations_by_their_definitions(examples: dict[str, WorkedExample]) -> None:
    example, e = examples["activations"], math.e
    ln = [math.log(2), math.log(3), math.log(5)]
    assert wanted(example, "sigmoid") == pytest.approx([1 / (1 + e**-x) for x in (-ln[1], 0, ln[1])])
    slide = next(row.slide for row in example.comparisons if row.name.startswith("sigmoid"))
    assert [float(Fraction(part)) for part in slide.split(", ")] == pytest.approx(
        [1 / (1 + e**x) for x in (-ln[1], 0, ln[1])]
    )
    assert wanted(example, "tanh") == pytest.approx([(e**x - e**-x) / (e**x + e**-x) for x in (-ln[0], ln[0])])
    total = e**0 + e ** ln[0] + e ** ln[2]
    assert wanted(example, "softmax") == pytest.approx([e**x / total for x in (0, ln[0], ln[2])])
    product = np.array([[2, 1]]) @ np.array([[1, 2], [0, 1]])
    assert wanted(example, "the product of the layers: w") == product.flatten().tolist()
    assert wanted(example, "the product of the layers: b") == [float((np.array([2, 1]) @ np.array([1, -1])) + 3)]
    assert wanted(example, "XOR") == [a ^ b for a in (0, 1) for b in (0, 1)]


def test_losses_by_counting_nats(examples: dict[str, WorkedExample]) -> None:
    """Minus the logarithm of the chance that the head gives to what is so."""
    example = examples["heads"]
    assert wanted(example, "binary: chance 3/4, it is:") == pytest.approx([-math.log(0.75)])
    assert wanted(example, "binary: chance 3/4, it is not") == pytest.approx([-math.log(0.25)])
    assert wanted(example, "one of many") == pytest.approx([-math.log(0.625)])
    assert wanted(example, "several") == pytest.approx([-(math.log(0.75) + math.log(0.25)) / 2])
    assert wanted(example, "regression") == [np.mean((np.array([3, 1]) - 1) ** 2)]


def test_the_chain_rule_by_finite_differences(examples: dict[str, WorkedExample]) -> None:
    """Move one number of the network by a little and see what its loss does."""
    start = np.array([2.0, 1, 3, -1, 1, -2, 0, 2, -1, 5, 0.5])  # x, first weights, first biases, second weights, bias

    def loss(values: np.ndarray) -> float:
        hidden = np.maximum(values[1:4] * values[0] + values[4:7], 0)
        return float((hidden @ values[7:10] + values[10] - 1.5) ** 2)

    def slope(place: int) -> float:
        step = 1e-6 * np.eye(len(start))[place]
        return (loss(start + step) - loss(start - step)) / 2e-6

    example = examples["chain_rule"]
    assert wanted(example, "at the input") == pytest.approx([slope(0)], abs=1e-6)
    assert wanted(example, "at their weights") == pytest.approx([slope(place) for place in (1, 2, 3)], abs=1e-6)
    rows = [row for row in example.comparisons if row.wanted == [6, 8, 0]]
    assert rows[0].wanted == pytest.approx([slope(place) for place in (7, 8, 9)], abs=1e-6)
    assert wanted(example, "output, loss")[1] == loss(start)


def test_update_rules_in_plain_numbers(examples: dict[str, WorkedExample]) -> None:
    """The papers' rules, step by step, with the gradient at w equal to w; NAG in its look-ahead form."""
    paths: dict[str, list[float]] = {name: [] for name in ("GD", "mom", "NAG", "Adagrad", "Adadelta", "RMS", "Adam")}
    w = dict.fromkeys(paths, 1.0)
    v, ahead, look, s = 0.0, 0.0, 1.0, dict.fromkeys(paths, 0.0)
    moved, first, second = 0.0, 0.0, 0.0
    for t in (1, 2):
        w["GD"] -= 0.1 * w["GD"]
        v = 0.9 * v - 0.1 * w["mom"]
        w["mom"] += v
        look = w["NAG"] + 0.9 * ahead  # Nesterov's own: the gradient where momentum alone would lead
        ahead = 0.9 * ahead - 0.1 * look
        w["NAG"] += ahead
        paths["NAG"].append(w["NAG"] + 0.9 * ahead)
        s["Adagrad"] += w["Adagrad"] ** 2
        w["Adagrad"] -= 0.1 * w["Adagrad"] / (math.sqrt(s["Adagrad"]) + 1e-10)
        s["Adadelta"] = 0.9 * s["Adadelta"] + 0.1 * w["Adadelta"] ** 2
        change = w["Adadelta"] * math.sqrt(moved + 1e-6) / math.sqrt(s["Adadelta"] + 1e-6)
        moved = 0.9 * moved + 0.1 * change**2
        w["Adadelta"] -= change
        s["RMS"] = 0.99 * s["RMS"] + 0.01 * w["RMS"] ** 2
        w["RMS"] -= 0.05 * w["RMS"] / (math.sqrt(s["RMS"]) + 1e-8)
        first, second = 0.9 * first + 0.1 * w["Adam"], 0.999 * second + 0.001 * w["Adam"] ** 2
        w["Adam"] -= 0.1 * (first / (1 - 0.9**t)) / (math.sqrt(second / (1 - 0.999**t)) + 1e-8)
        for name in set(paths) - {"NAG"}:
            paths[name].append(w[name])
    for name, path in paths.items():
        assert wanted(examples["update_rules"], name) == pytest.approx(path, abs=1e-6), name


def test_mini_batches_by_numpy(examples: dict[str, WorkedExample]) -> None:
    each = -4 * np.arange(1, 5) ** 2
    pairs = (each[:, None] + each) / 2
    example = examples["mini_batches"]
    assert wanted(example, "one example") == each.tolist()
    assert wanted(example, "two each") == [each[:2].mean(), each[2:].mean()]
    assert wanted(example, "variance of one") == [each.var()]
    assert wanted(example, "variance of two") == [pairs.var()]


def test_feature_maps_by_four_loops(examples: dict[str, WorkedExample]) -> None:
    from models.lecture.worked.feature_map import FILTERS, IMAGE

    def product(kernel: list[list[int]]) -> np.ndarray:
        return np.array(
            [
                [sum(kernel[a][b] * IMAGE[y + a][x + b] for a in range(3) for b in range(3)) for x in range(4)]
                for y in range(4)
            ]
        )

    example = examples["feature_map"]
    lecture = [[3, -3, -3, 3], [1, -2, -2, 1], [1, -2, -2, 1], [-1, -1, -1, -1]]  # as on the slide
    for number in (1, 2):
        found = product(FILTERS[number - 1])
        assert [wanted(example, f"filter {number}, row {row}") for row in range(1, 5)] == found.tolist()
        assert wanted(example, f"pooled, filter {number}") == found.reshape(2, 2, 2, 2).max((1, 3)).flatten().tolist()
    assert product(FILTERS[0]).tolist() == lecture
    slide = [[-1, -1, -1, -1], [-1, 0, -2, -1], [-3, 0, 0, -3], [3, -1, -3, -1]]
    assert np.argwhere(product(FILTERS[1]) != slide).tolist() == [[1, 3]]
    assert wanted(example, "asymmetric") == product(FILTERS[2])[0].tolist()
    flipped = np.rot90(FILTERS[2], 2).tolist()  # what a convolution in the sense of mathematics would compute
    assert wanted(example, "asymmetric") != product(flipped)[0].tolist()


def test_the_simple_rnn_by_finite_differences(examples: dict[str, WorkedExample]) -> None:
    x = np.array([math.log(2), math.log(3) - 0.3])

    def second(weight: float = 0.5, scale: float = 1.0, move: tuple[float, float] = (0.0, 0.0)) -> float:
        first = math.tanh(scale * (x[0] + move[0]))
        return math.tanh(weight * first + scale * (x[1] + move[1]))

    step, example = 1e-6, examples["simple_rnn"]
    assert wanted(example, "h₁")[1] == pytest.approx(second())
    by_input = [(second(move=m) - second(move=(-m[0], -m[1]))) / (2 * step) for m in ((step, 0.0), (0.0, step))]
    assert wanted(example, "dh₂/dx₁") == pytest.approx(by_input, abs=1e-8)
    by_state = (second(0.5 + step) - second(0.5 - step)) / (2 * step)
    assert wanted(example, "dh₂/dw_h") == pytest.approx([by_state], abs=1e-8)
    by_scale = (second(scale=1 + step) - second(scale=1 - step)) / (2 * step)
    assert wanted(example, "dh₂/dw_x") == pytest.approx([by_scale], abs=1e-8)
    assert wanted(example, "ten steps at rest, weight 3/2") == [1.5**10]


def test_gates_by_their_equations(examples: dict[str, WorkedExample]) -> None:
    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    x, h = math.log(3), math.log(2)
    i, f, o, g = 0.5, sigmoid(x), sigmoid(x + math.log(4 / 3)), math.tanh(h)
    example = examples["gates"]
    assert wanted(example, "LSTM: i, f, o, g") == pytest.approx([i, f, o, g])
    c = f * 1 + i * g
    assert wanted(example, "LSTM: c") == pytest.approx([c])
    assert wanted(example, "LSTM: h") == pytest.approx([o * math.tanh(c)])
    h, z, r, bias = 2 * math.log(2), sigmoid(-x), 0.5, 2 * math.log(1.5)
    before, after = math.tanh(r * h + bias), math.tanh(r * (h + bias))
    assert wanted(example, "GRU, the lecture's: g") == pytest.approx([before])
    assert wanted(example, "GRU, the lecture's: h") == pytest.approx([z * h + (1 - z) * before])
    assert wanted(example, "GRU, torch's: h") == pytest.approx([z * h + (1 - z) * after])
    assert before - after > 0.1  # the two forms are told apart


def test_the_last_state_by_recursion(examples: dict[str, WorkedExample]) -> None:
    def read(steps: int) -> float:
        state = 0.0
        for _ in range(steps):
            state = 0.5 * state + 0.5 * math.tanh(math.log(2))
        return state

    example = examples["last_state"]
    assert wanted(example, "states at step 1") == pytest.approx([read(1), read(2)])
    assert wanted(example, "handed over: each") == pytest.approx([read(2)] * 2)
    assert wanted(example, "handed over after ten") == pytest.approx([read(10)] * 2)
    assert wanted(example, "written") == pytest.approx([read(2) / 2] * 2 + [read(2) / 4] * 2)


def test_attention_by_plain_sums(examples: dict[str, WorkedExample]) -> None:
    """The slide's rounding, against weights with all their digits."""
    from models.lecture.worked.attention import DECODER, ENCODER

    scores = [sum(a * b for a, b in zip(DECODER, state, strict=True)) for state in ENCODER]
    total = sum(map(math.exp, scores))
    weights = [math.exp(score) / total for score in scores]
    context = [sum(weight * state[place] for weight, state in zip(weights, ENCODER, strict=True)) for place in range(3)]
    example = examples["attention"]
    assert wanted(example, "1.") == scores == [15, 60, 15, 35]
    assert wanted(example, "2.") == pytest.approx(weights, abs=2e-11)
    assert wanted(example, "4.") == pytest.approx(context, abs=2e-10)
    assert wanted(example, "5. beside the decoder's") == pytest.approx([math.tanh((0.3 + 0.45) / 2), math.tanh(0.225)])


def test_penalties_by_finite_differences(examples: dict[str, WorkedExample]) -> None:
    example, w, step = examples["penalties"], np.array([3.0, -4.0]), 1e-6
    for key, function, pull in (
        ("L1", lambda w: 0.5 * np.abs(w).sum(), [0.5, -0.5]),
        ("L2", lambda w: 0.5 * (w**2).sum() / 2, [1.5, -2.0]),
    ):
        assert wanted(example, key) == [function(w)]
        slopes = [(function(w + d) - function(w - d)) / (2 * step) for d in step * np.eye(2)]
        assert slopes == pytest.approx(pull, abs=1e-6)
        assert pull in [row.wanted for row in example.comparisons]


def test_a_nine_is_a_six_turned() -> None:
    from models.lecture.worked.augmentation import NINE, SIX

    assert np.rot90(SIX, 2).tolist() == NINE


def test_subnetworks_by_enumeration(examples: dict[str, WorkedExample]) -> None:
    sums = [2 * (a + b) - 2 for a in (0, 1) for b in (0, 1)]
    example = examples["dropout"]
    assert wanted(example, "linear")[0] == np.mean(sums)
    assert wanted(example, "ReLU behind") == [np.mean(np.maximum(sums, 0)), max(1 + 1 - 2, 0)]


def test_units_by_numpy(examples: dict[str, WorkedExample]) -> None:
    first, second = np.array([[3, -4], [1, 0], [2, 3], [0, -2]]), np.array([1, 10, 3, 10])
    example, inputs = examples["pruning"], np.array([[2, 1], [1, 1]])
    hidden = np.maximum(inputs @ first.T, 0)
    assert wanted(example, "answers of the whole") == (hidden @ second).tolist()
    kept = np.sort(np.argsort(np.abs(first).sum(1))[2:])
    assert wanted(example, "half go") == kept.tolist()
    assert wanted(example, "answers of the smaller") == (hidden[:, kept] @ second[kept]).tolist()
    every = np.concatenate([first.flatten(), second])
    limit = np.sort(np.abs(every))[5]
    assert (
        wanted(example, "connections left in the first") == np.where(np.abs(first) > limit, first, 0).flatten().tolist()
    )


def test_powers_of_two_by_trying_all(examples: dict[str, WorkedExample]) -> None:
    from models.lecture.worked.quantization import SLIDE

    slide = [[1, 2, 2], [2, 2, 4], [-1, -8, -1]]
    differ = []
    for number, (row, said) in enumerate(zip(SLIDE, slide, strict=True), start=1):
        nearest = [
            math.copysign(min((2.0**k for k in range(-5, 6)), key=lambda p: abs(math.log2(p) - math.log2(abs(v)))), v)
            for v in row
        ]
        assert wanted(examples["quantization"], f"powers of two, row {number}") == nearest
        differ += [value for value, ours, theirs in zip(row, nearest, said, strict=True) if ours != theirs]
    assert differ == [-0.38, 1.27]
    best = min(
        (sum((abs(v) - s) ** 2 for v, s in zip((1, 2, 3), [scale] * 3, strict=True)), scale)
        for scale in (1, 1.5, 2, 2.5, 3)
    )
    assert best[1] == 2  # of all scales of the signs, the mean magnitude
