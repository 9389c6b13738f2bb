"""What hiding windows does, measured: sums have their parts, sizes say nothing, noise is told from effects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.evidence.effects import RELIABLE, Effects, fitted, from_repeats
from xai.evidence.windows import Sets, draw_sets


class TestEffects:
    @given(st.integers(3, 12), st.integers(0, 1000))
    @settings(max_examples=25, deadline=None)
    def test_of_a_sum_they_are_its_parts(self, windows: int, seed: int) -> None:
        parts = np.random.default_rng(seed).standard_normal((2, windows))
        sets = draw_sets(windows, seed)
        found = fitted(sets, parts @ sets.hidden.T.astype(float), seed)
        for part, effects in zip(parts, found, strict=True):
            assert effects.values == pytest.approx(part - part.mean(), abs=1e-8)
            assert effects.reliability == pytest.approx(1.0)
            assert effects.correlations(part[None])[0] == pytest.approx(1.0)

    def test_sizes_say_nothing(self) -> None:
        """A score that depends on how much is hidden alone has no effect of any window."""
        sets = draw_sets(12, 0)
        (effects,) = fitted(sets, (sets.sizes**2.0)[None], 0)
        assert np.abs(effects.values).max() < 1e-9
        assert effects.reliability == 0.0

    def test_noise_is_told_from_effects(self) -> None:
        sets = draw_sets(36, 0)
        noise = np.random.default_rng(1).standard_normal((200, len(sets.sizes)))
        reliability = [effects.reliability for effects in fitted(sets, noise, 0)]
        assert np.mean(reliability) < 0.2

    def test_the_intervals_cover_the_correlation(self) -> None:
        """Of effects with noise, the interval holds the correlation with the effects themselves 95 % of the time."""
        generator, sets = np.random.default_rng(5), draw_sets(20, 0)
        covered = []
        for _ in range(200):
            truth, one = generator.standard_normal((2, 20))
            one = truth + one
            falls = sets.hidden @ truth + 0.8 * generator.standard_normal(len(sets.sizes))
            (effects,) = fitted(sets, falls[None], 0)
            low, high = effects.interval(one)
            covered.append(low <= np.corrcoef(one, truth)[0, 1] <= high)
        assert np.mean(covered) > 0.88

    def test_what_error_takes_from_a_correlation_is_given_back(self) -> None:
        """Of a variance that is 64 % signal, no map can reach more than 0.8."""
        values, other = np.array([-3.0, 1.0, 2.0]), np.array([-2.0, 2.0, 0.0])
        plain = np.corrcoef(values, other)[0, 1]
        for reliability, ceiling in ((1.0, 1.0), (0.64, 0.8), (0.01, RELIABLE**0.5)):
            effects = Effects(values, np.tile(values, (400, 1)), reliability, 1.0)
            assert effects.correlations(other[None])[0] == pytest.approx(min(1.0, plain / ceiling))
            assert effects.correlations(values[None])[0] == 1.0

    def test_the_error_of_effects_is_that_of_theory(self) -> None:
        """Noise of variance 4 over effects of none: what is left over degrees of freedom says so, and all is error."""
        sets = draw_sets(36, 0)
        noise = 2 * np.random.default_rng(1).standard_normal((300, len(sets.sizes)))
        spreads = [effects.drawn.std(0).mean() for effects in fitted(sets, noise, 0)]
        sizes = [effects.values.std() for effects in fitted(sets, noise, 0)]
        assert np.mean(spreads) == pytest.approx(np.mean(sizes), rel=0.03)

    def test_repeats_are_averaged(self) -> None:
        effects = from_repeats(np.array([[1.0, 3.0], [4.0, 4.0], [9.0, 9.0]]), 0)
        assert effects.values == pytest.approx([-3.0, -1.0, 4.0])
        # The first mean has a variance of 2 / 2, the others none; two thirds of it differ between the three.
        assert effects.reliability == pytest.approx(1 - (2 / 3) / 26)
        assert effects.drawn[:, 0].std() == pytest.approx(2 / 3, rel=0.15)

    def test_few_windows_are_all_tried(self) -> None:
        assert isinstance(draw_sets(4, 0), Sets)
        assert len(draw_sets(4, 0).hidden) == 2**4 - 2
        assert len(np.unique(draw_sets(6, 0).hidden, axis=0)) == 2**6 - 2

    def test_windows_are_hidden_equally_often(self) -> None:
        sets = draw_sets(36, 0)
        for size in np.unique(sets.sizes):
            often = sets.hidden[sets.sizes == size].sum(0)
            assert often.max() - often.min() <= 2, size

    @pytest.mark.parametrize("windows", [8, 10, 13, 36, 41])
    def test_sets_have_the_sizes_that_they_should(self, windows: int) -> None:
        sets = draw_sets(windows, 3)
        wanted = [min(windows - 1, max(1, round(share * windows))) for share in (0.1, 0.25, 0.5, 0.75, 0.9)]
        found, count = np.unique(sets.sizes, return_counts=True)
        assert found.tolist() == sorted(set(wanted))
        assert all(count * 5 == [wanted.count(size) * len(sets.sizes) for size in found])
