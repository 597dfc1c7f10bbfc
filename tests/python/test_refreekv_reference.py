"""Hand-computed cases for refreekv_reference.py.

Run: python3 -m unittest discover -s tests/python
"""

import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import refreekv_reference as reference  # noqa: E402

# One head, two sinks, candidates 3, 4, 12: squares 9, 16, 144. Suffix norms 13, sqrt(160), 12.
ONE_HEAD = np.array([[5.0, 84.0, 3.0, 4.0, 12.0]])


class DistanceCurve(unittest.TestCase):
    def test_one_head_over_the_candidates(self):
        curve = reference.distance_curve(ONE_HEAD, sinks=2)
        np.testing.assert_allclose(curve, [0, (13 - np.sqrt(160)) / 13, 1 / 13], rtol=1e-15)

    def test_one_head_over_all_positions(self):
        # The sinks' squares 25 + 7056 are added under every root: 85^2 = 7225 = 7081 + 144 is left
        # of sqrt(7250), and with the first candidate alone gone sqrt(7241).
        curve = reference.distance_curve(ONE_HEAD, sinks=2, base="all")
        first = np.sqrt(7250)
        np.testing.assert_allclose(
            curve, [0, (first - np.sqrt(7241)) / first, (first - 85) / first], rtol=1e-12
        )

    def test_heads_are_averaged_after_the_root(self):
        # Head 0 has candidates (3, 4): norms 5, 4. Head 1 has (0, 1): norms 1, 1.
        # Mean of the norms: 3, 2.5, so d_1 = 1/6. The mean of per-head ratios would be 1/10 and
        # the root of the mean square sqrt(13), sqrt(8.5): 0.19.
        rows = [[9.0, 3.0, 4.0], [9.0, 0.0, 1.0]]
        np.testing.assert_allclose(reference.distance_curve(rows, sinks=1), [0, 1 / 6], rtol=1e-15)

    def test_it_is_the_difference_of_norms_not_the_norm_of_the_difference(self):
        # Dropping 3 of (3, 4) leaves 4 of 5: distance 0.2. The dropped part's norm is 0.6 of it.
        curve = reference.distance_curve([[3.0, 4.0]], sinks=0)
        np.testing.assert_allclose(curve, [0, 0.2], rtol=1e-15)

    def test_a_uniform_row_keeps_98_per_cent_at_one_per_cent(self):
        # sqrt(1 - f) >= 0.99 gives f <= 1.99 %: of 2000 candidates 39.8, so 39 go.
        decision = reference.decide(np.full((1, 2004), 1 / 2004), threshold=0.01)
        self.assertEqual(decision.cut, 39)

    def test_a_heavy_sink_empties_the_layer_only_in_the_literal_reading(self):
        # Mass 0.6 on a sink, 0.4 spread over 1000 candidates.
        row = np.concatenate([[0.6, 0, 0, 0], np.full(1000, 0.0004)])[None]
        self.assertEqual(reference.decide(row, threshold=0.01).cut, 19)
        self.assertEqual(reference.decide(row, threshold=0.01, base="all").cut, 999)

    def test_an_unknown_base_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "base 'sinks'"):
            reference.distance_curve(ONE_HEAD, base="sinks")


class Cut(unittest.TestCase):
    def test_the_threshold_itself_still_evicts(self):
        curve = np.array([0.0, 0.25, 0.5, 0.75])
        self.assertEqual(reference.cut_of(curve, 0.5), 2)
        self.assertEqual(reference.cut_of(curve, np.nextafter(0.5, 0)), 1)

    def test_ties_take_the_last(self):
        # Candidates with no attention cost nothing: d = 0, 0, 0, 0.2 with 3 and 4 behind them.
        rows = [[0.0, 0.0, 3.0, 4.0]]
        decision = reference.decide(rows, threshold=0.0, sinks=0)
        np.testing.assert_array_equal(decision.curve[:3], [0, 0, 0])
        self.assertEqual(decision.cut, 2)
        self.assertEqual(decision.halting, 2)
        self.assertEqual(decision.kept.tolist(), [2, 3])

    def test_threshold_zero_keeps_every_candidate_that_is_looked_at(self):
        decision = reference.decide(ONE_HEAD, threshold=0.0, sinks=2)
        self.assertEqual((decision.cut, decision.halting), (0, 2))
        self.assertEqual(decision.kept.tolist(), [0, 1, 2, 3, 4])

    def test_threshold_one_keeps_the_last_candidate(self):
        decision = reference.decide(ONE_HEAD, threshold=1.0, sinks=2)
        self.assertEqual((decision.cut, decision.halting), (2, 4))
        self.assertEqual(decision.kept.tolist(), [0, 1, 4])
        self.assertEqual(decision.budget(5), 0.6)

    def test_a_trailing_zero_candidate_is_kept_too(self):
        # Everything that has attention is gone at i = 1, d_1 = 1 = T; position 1 has to stay.
        decision = reference.decide([[1.0, 0.0]], threshold=1.0, sinks=0)
        self.assertEqual(decision.curve.tolist(), [0.0, 1.0])
        self.assertEqual(decision.kept.tolist(), [1])

    def test_the_cut_between_two_distances(self):
        # d = 0, 0.027, 0.077.
        for threshold, cut in [(0.01, 0), (0.05, 1), (0.07, 1), (0.08, 2)]:
            self.assertEqual(reference.decide(ONE_HEAD, threshold, sinks=2).cut, cut)


class Corners(unittest.TestCase):
    def test_a_prompt_of_sinks_only_keeps_everything(self):
        for n in (1, 3, 4):
            decision = reference.decide(np.full((2, n), 1 / n), threshold=1.0, sinks=4)
            self.assertEqual(decision.kept.tolist(), list(range(n)))
            self.assertEqual((decision.cut, decision.curve.size, decision.base_norm), (0, 0, 0.0))
            self.assertIsNone(decision.halting)

    def test_one_candidate_always_stays(self):
        decision = reference.decide(np.full((2, 5), 0.2), threshold=1.0, sinks=4)
        self.assertEqual((decision.cut, decision.halting), (0, 4))
        self.assertEqual(decision.kept.tolist(), [0, 1, 2, 3, 4])
        self.assertAlmostEqual(decision.base_norm, 0.2)

    def test_without_sinks_the_first_position_goes_first(self):
        decision = reference.decide([[3.0, 4.0]], threshold=0.2 + 1e-12, sinks=0)
        self.assertEqual(decision.kept.tolist(), [1])

    def test_candidates_without_any_attention_are_kept(self):
        decision = reference.decide([[1.0, 0.0, 0.0]], threshold=0.5, sinks=1)
        self.assertTrue(np.isnan(decision.curve).all())
        self.assertEqual(decision.kept.tolist(), [0, 1, 2])

    def test_float32_rows_are_widened_before_they_are_squared(self):
        tiny = np.full((1, 3), 1e-30, dtype=np.float32)  # its square is 0 in float32
        np.testing.assert_allclose(
            reference.distance_curve(tiny, sinks=0), [0, 1 - np.sqrt(2 / 3), 1 - np.sqrt(1 / 3)]
        )


class Layers(unittest.TestCase):
    def test_exempt_layers_keep_everything_but_have_their_curve(self):
        decisions = reference.decide_layers([ONE_HEAD] * 3, 1.0, sinks=2, exempt_layers=(0, 2))
        self.assertEqual([decision.cut for decision in decisions], [0, 2, 0])
        np.testing.assert_array_equal(decisions[0].curve, decisions[1].curve)
        self.assertAlmostEqual(reference.mean_budget(decisions, 5), (1 + 0.6 + 1) / 3)

    def test_layers_decide_independently(self):
        other = np.array([[5.0, 84.0, 12.0, 4.0, 3.0]])  # d = 0, 8/13, 10/13
        together = reference.decide_layers([ONE_HEAD, other], 0.08, sinks=2)
        self.assertEqual([decision.cut for decision in together], [2, 0])

    def test_an_exempt_layer_that_does_not_exist_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"exempt layers \[3\]"):
            reference.decide_layers([ONE_HEAD], 0.01, exempt_layers=(0, 3))


class LastRows(unittest.TestCase):
    def test_one_row_is_itself(self):
        row = np.array([[[0.25, 0.0, 0.75]]])
        np.testing.assert_array_equal(reference.reduce_last_rows(row), row[:, 0])

    def test_a_key_is_divided_by_the_rows_that_see_it(self):
        # Rows of positions 1, 2, 3 of 4. Key 2 is seen by two rows, key 3 by one.
        block = np.array([[[0.5, 0.5, 0, 0], [0.25, 0.25, 0.5, 0], [0.25, 0.25, 0.25, 0.25]]])
        np.testing.assert_allclose(
            reference.reduce_last_rows(block), [[1 / 3, 1 / 3, 0.375, 0.25]], rtol=1e-15
        )

    def test_a_zero_inside_the_past_does_not_count(self):
        block = np.array([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]])
        np.testing.assert_array_equal(reference.reduce_last_rows(block), [[1.0, 0.5, 0.5]])

    def test_a_key_no_row_looks_at_is_zero(self):
        block = np.array([[[0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]])
        np.testing.assert_array_equal(reference.reduce_last_rows(block), [[0.0, 0.75, 0.5]])

    def test_attention_to_the_future_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "after its own"):
            reference.reduce_last_rows(np.full((1, 2, 3), 1 / 3))

    def test_more_rows_than_positions_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "3 rows of a prompt of 2"):
            reference.reduce_last_rows(np.zeros((1, 3, 2)))


if __name__ == "__main__":
    unittest.main()
