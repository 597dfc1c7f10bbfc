"""What policies with budgets of their own keep equals their statement in NumPy (dynamic_policies_reference.py)."""

import unittest

import h5py
import numpy as np

import dynamic_policies_reference as reference
from kvreel_command import DEMO, KvreelTest
from numpy_model import Model

# kvreel computes attention in fp32, NumPy here in fp64; their probabilities differ by less than 1e-5
# on this model, logits by less than 1e-4. Scores that lie closer than this, relative to the boundary,
# may change places; and a set may end one position earlier or later where the mass is as close to p.
CLOSE = 2e-4


class Trace:
    """Decisions of one run by (sample, step, layer, KV head), and its samples."""

    def __init__(self, path):
        with h5py.File(path) as file:
            ends = file["samples/tokens_end"][:].astype(int)
            self.prompts = np.split(file["tokens/id"][: ends[-1]], ends[:-1])
            steps = {name: file[f"steps/{name}"][:] for name in ("run", "sample", "token")}
            self.tokens = {
                (run, sample): steps["token"][(steps["run"] == run) & (steps["sample"] == sample)]
                for run, sample in set(zip(steps["run"], steps["sample"]))
            }
            names = ("run", "sample", "step", "layer", "kv_head", "reason", "cached", "cut",
                     "threshold", "temperature", "curve")
            columns = {name: file[f"decisions/{name}"][:] for name in names}
            ranges = np.split(
                file["decisions/kept_ranges"][:], file["decisions/kept_ranges_end"][:-1].astype(int)
            )
            curves = np.split(
                file["curves/distance"][:], file["curves/distance_end"][:-1].astype(int)
            ) if len(file["curves/distance_end"]) else []
        self.decisions = {}
        for row in range(len(ranges)):
            decision = {name: columns[name][row] for name in names}
            decision["kept"] = np.concatenate(
                [np.arange(begin, end) for begin, end in ranges[row].reshape(-1, 2)]
            )
            if decision["curve"] >= 0:
                decision["distance"] = curves[decision["curve"]]
            key = tuple(int(decision[name]) for name in ("run", "sample", "step", "layer", "kv_head"))
            assert key not in self.decisions, f"{key} is decided twice"
            self.decisions[key] = decision


class DynamicPolicies(KvreelTest):
    SAMPLES = 3

    @classmethod
    def setUpClass(cls):
        cls.model = Model(DEMO / "model")
        cls.passes = {}

    def record_policies(self, *policies, new_tokens=2):
        arguments = [part for policy in policies for part in ("--policy", policy)]
        return Trace(self.record(
            "a.h5", "--prompts", DEMO / "prompts.jsonl", "--limit", self.SAMPLES, "--ignore-eos",
            "--truncate", "middle", "--max-new-tokens", new_tokens, *arguments,
        ))

    def pass_of(self, prompt):
        key = tuple(prompt)
        if key not in self.passes:
            self.passes[key] = self.model.run(prompt)
        return self.passes[key]

    def assert_kept(self, decision, choice, place, spare=0):
        """Equal, or different only in positions that rounding may swap. Returns how many."""
        different = np.setxor1d(decision["kept"], choice.kept)
        self.assertLessEqual(abs(len(decision["kept"]) - len(choice.kept)), spare, place)
        near = choice.scores[np.searchsorted(choice.positions, different)]
        self.assertTrue(
            np.all(np.abs(near - choice.boundary) <= CLOSE * choice.boundary),
            f"{place}: {different} with scores {near} at the boundary {choice.boundary}",
        )
        return len(different)

    def assert_prefill(self, trace, run, choices_of, spare=0):
        """choices_of(pass) -> for each layer a list of choices, one for each KV head (or one)."""
        swapped = compared = 0
        for sample, prompt in enumerate(trace.prompts):
            for layer, choices in enumerate(choices_of(self.pass_of(prompt))):
                for kv_head, choice in enumerate(choices):
                    head = kv_head if len(choices) > 1 else -1
                    decision = trace.decisions[run, sample, 0, layer, head]
                    swapped += self.assert_kept(
                        decision, choice, (run, sample, layer, head), spare
                    )
                    compared += len(choice.positions)
        # Ties are the exception: a rule that differs would swap far more.
        self.assertLess(swapped, 0.002 * compared)

    def test_top_p(self):
        policies = {
            "top-p": {"p": 0.95},
            "top-p:p=60%,rows=8,reduce=mean,sinks=4,recent=8": {
                "p": 0.6, "rows": 8, "reduce": "mean", "sinks": 4, "recent": 8},
            "top-p:p=80%,per=layer": {"p": 0.8, "per_layer": True},
        }
        trace = self.record_policies(*policies)
        for run, options in enumerate(policies.values()):
            self.assert_prefill(
                trace, run,
                lambda pass_: [
                    reference.top_p(layer.attention, 4, **options) for layer in pass_.layers],
                spare=1,
            )

    def test_metrics_of_refreekv(self):
        metrics = ["col-square-sum", "col-sqrt-sum", "row-square-sum", "row-sqrt-sum", "norm-1", "norm-fro"]
        trace = self.record_policies(*[f"refreekv:keep-layers=none,threshold=20%,metric={m}" for m in metrics])
        for run, metric in enumerate(metrics):
            for sample in range(2):
                for layer, part in enumerate(self.pass_of(trace.prompts[sample]).layers):
                    decision = trace.decisions[run, sample, 0, layer, -1]
                    at = np.arange(0, len(decision["distance"]), 9)
                    curve = reference.metric_curve(part.attention, metric, at)
                    np.testing.assert_allclose(
                        decision["distance"][at], curve, atol=2e-5, err_msg=metric)
                    self.assertEqual(decision["cut"], np.flatnonzero(decision["distance"] <= 0.2)[-1])
                    kept = np.r_[0:4, 4 + decision["cut"] : len(trace.prompts[sample])]
                    np.testing.assert_array_equal(decision["kept"], kept)

    def test_rows_without_a_mask(self):
        policies = {
            "refreekv:keep-layers=none,rows=5,rows-mask=none": True,
            "refreekv:keep-layers=none,rows=5,rows-mask=none,normalize=sum": False,
        }
        trace = self.record_policies(*policies)
        for run, average in enumerate(policies.values()):
            for sample, prompt in enumerate(trace.prompts):
                for layer, part in enumerate(self.pass_of(prompt).layers):
                    np.testing.assert_allclose(
                        trace.decisions[run, sample, 0, layer, -1]["distance"],
                        reference.unmasked_rows_curve(part, 5, average), atol=2e-5,
                    )

    def test_expected_attention(self):
        policies = {
            "expected-attention:budget=100": {"budget": 100},
            "expected-attention:budget=60,future=20,sinks=2,covariance=no,value-norm=no": {
                "budget": 60, "future": 20, "sinks": 2, "covariance": False, "value_norm": False},
        }
        trace = self.record_policies(*policies)
        for run, options in enumerate(policies.values()):
            self.assert_prefill(
                trace, run,
                lambda pass_: [
                    reference.expected_attention(self.model, layer, **options) for layer in pass_.layers],
            )

    def test_cake(self):
        policies = {
            "cake:budget=100": {"budget": 100},
            "cake:budget=60,window=16,tau1=1.6,tau2=0.4,gamma=10,kernel=3": {
                "budget": 60, "window": 16, "tau1": 1.6, "tau2": 0.4, "gamma": 10, "kernel": 3},
        }
        trace = self.record_policies(*policies)
        for run, (policy, options) in enumerate(policies.items()):
            self.assert_prefill(
                trace, run,
                lambda pass_: reference.cake([layer.attention for layer in pass_.layers], 4, **options),
            )
            for sample in range(len(trace.prompts)):
                kept = [len(trace.decisions[run, sample, 0, layer, 0]["kept"]) for layer in range(4)]
                self.assertEqual(sum(kept), 4 * options["budget"], policy)

    def test_hard_kv(self):
        policies = {
            "hard-kv:budget=40,window=8,every=16,p=60%": {
                "budget": 40, "window": 8, "p": 0.6},
            "hard-kv:budget=30,window=4,every=10,p=80%,score=attention,sinks=2": {
                "budget": 30, "window": 4, "p": 0.8, "score": "attention", "sinks": 2},
        }
        trace = self.record_policies(*policies, new_tokens=36)
        for run, options in enumerate(policies.values()):
            compared = swapped = 0
            for sample, prompt in enumerate(trace.prompts):
                tokens = trace.tokens[run, sample]
                ids = np.concatenate([prompt, tokens[:-1]])
                own = {key[2:]: d for key, d in trace.decisions.items() if key[:2] == (run, sample)}
                visible = np.ones((4, 4, len(ids), len(ids)), dtype=bool)  # [layers, kv_heads, ...]
                for (step, layer, kv_head), decision in own.items():
                    seen = len(prompt) + step  # positions cached in that step
                    gone = np.setdiff1d(np.arange(seen), decision["kept"])
                    visible[layer, kv_head, seen:, gone] = False
                result = self.model.run(ids, lambda layer: visible[layer])
                self.assertEqual(
                    list(np.argmax(result.logits[len(prompt) - 1 :], axis=1)), list(tokens))
                self.assertEqual({key[0] for key in own}, set(range(0, 36, 16 if run == 0 else 10)))
                temperatures = {}
                for (step, layer, kv_head), decision in sorted(own.items()):
                    seen = len(prompt) + step
                    row = visible[layer, kv_head, seen - 1]
                    positions = np.flatnonzero(row[:seen])
                    part = result.layers[layer]
                    choice = reference.hard_kv(
                        part.queries[2 * kv_head : 2 * kv_head + 2, seen - options["window"] : seen],
                        part.keys[kv_head, positions], positions,
                        temperature=temperatures.get((layer, kv_head)), **options,
                    )
                    temperatures.setdefault((layer, kv_head), choice.temperature)
                    place = (run, sample, step, layer, kv_head)
                    self.assertEqual(decision["cached"], len(positions), place)
                    np.testing.assert_allclose(
                        decision["temperature"], choice.temperature, rtol=1e-3, err_msg=str(place))
                    swapped += self.assert_kept(decision, choice, place, spare=1)
                    compared += len(positions)
            self.assertLess(swapped, 0.002 * compared)


if __name__ == "__main__":
    unittest.main()
