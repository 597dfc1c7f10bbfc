"""Every kept set of every policy with a fixed budget, against policies_reference on a NumPy model.

kvreel computes attention in fp32, the model here in fp64. Scores differ by some 1e-6 of the largest,
so a kept set may differ from the reference's only where the rows that are exchanged have scores that
close; how many sets were equal is counted, and nearly all must be.
"""

import functools
import json
import pathlib
import struct
import sys
import tempfile
import unittest

import numpy as np

import policies_reference as rules
from kvreel_command import DEMO, ROOT, KvreelTest, kvreel
from numpy_model import Model

sys.path.insert(0, str(ROOT / "docs" / "examples"))
from read_trace import Trace  # noqa: E402

# Of the largest score of a head. Attention of the demo model agrees with fp64 to about 1e-6 in fp32
# (test_numpy_model), and a sum over n rows to no more than that per row.
TOLERANCE = 2e-5


class Recording:
    """A trace and, for every pass, what it kept and what it generated."""

    def __init__(self, path):
        self.trace = Trace(str(path))
        self.runs = [self.trace.text("runs", "name", run) for run in range(self.trace.rows["runs"])]
        ends = self.trace.column("samples", "tokens_end").astype(int)
        ids = self.trace.column("tokens", "id")
        self.prompts = [ids[b:e] for b, e in zip(np.concatenate([[0], ends[:-1]]), ends)]
        self.columns = {
            name: self.trace.column("decisions", name)
            for name in ("run", "sample", "step", "layer", "kv_head", "cached", "kept", "ranking", "cut")
        }
        self.lists = {
            name: (self.trace.file[table][name][:], self.trace.file[table][name + "_end"][:].astype(int))
            for table, name in (("decisions", "kept_ranges"), ("rankings", "positions"), ("rankings", "scores"))
        }
        self.steps = {name: self.trace.column("steps", name) for name in ("run", "sample", "token")}

    def generated(self, run, sample):
        return self.steps["token"][(self.steps["run"] == run) & (self.steps["sample"] == sample)]

    def decisions(self, run, sample):
        """(step, layer) -> {kv_head: row of decisions}"""
        found = {}
        mine = (self.columns["run"] == run) & (self.columns["sample"] == sample)
        for row in np.flatnonzero(mine):
            key = (int(self.columns["step"][row]), int(self.columns["layer"][row]))
            found.setdefault(key, {})[int(self.columns["kv_head"][row])] = row
        return found

    def list(self, name, row):
        values, ends = self.lists[name]
        return values[ends[row - 1] if row else 0 : ends[row]]

    def kept(self, row):
        pairs = self.list("kept_ranges", row).reshape(-1, 2)
        return np.concatenate([np.arange(begin, end) for begin, end in pairs])

    def ranked(self, row):
        """Candidates and scores in the order of eviction."""
        ranking = int(self.columns["ranking"][row])
        return self.list("positions", ranking), self.list("scores", ranking)


class Tally:
    """Compares kept sets, and counts those that are equal."""

    def __init__(self, test):
        self.test = test
        self.sets = 0
        self.equal = 0

    def compare(self, ours, theirs, scores, what, tied=False):
        """ours, theirs: indices that stay; scores: of all. Sets may differ in what scores alike.

        Where scores are tied by nature, rounding alone decides, and the set does not count.
        """
        self.sets += not tied
        if np.array_equal(ours, theirs):
            self.equal += not tied
            return
        self.test.assertEqual(len(ours), len(theirs), what)
        exchanged = scores[np.setxor1d(ours, theirs)]
        gap = exchanged.max() - exchanged.min()
        self.test.assertLessEqual(gap, TOLERANCE * np.abs(scores).max(), what)

    def finish(self):
        """On the machine where this was written 1 set of 27,334 differed; 1 % or two may."""
        self.test.assertGreater(self.sets, 20)
        least = self.sets - max(2, self.sets // 100)
        self.test.assertGreaterEqual(self.equal, least, f"{self.equal} of {self.sets} sets are equal")


# spec -> what stays in a KV head: (scores of a view, sinks, newest, count), given the capacity; the
# count is the capacity but for layers that have another.
def h2o(view, count, recent=None, sinks=0, reduce="mean"):
    recent = max(round(0.5 * count), 1) if recent is None else recent
    return rules.h2o(view, reduce), sinks, recent, count


def h2o_window(view, count, window=8):
    rows = rules.observed_rows(window, count)
    return rules.h2o_window(view, rows), 0, rows, count


def snapkv(view, count, window=8, **options):
    rows = rules.observed_rows(window, count)
    return rules.snapkv(view, rows, **options), 0, rows, count


def pyramidkv(view, count, layers, **options):
    rows = rules.observed_rows(8, count)
    size = rules.pyramid_capacity(count, rows, view.row + 1, view.layer_index, layers, **options)
    return rules.snapkv(view, rows), 0, rows, size


def plain(rule, sinks=0, recent=0, **options):
    return lambda view, count: (rule(view, **options), sinks, recent, count)


def streaming(view, count, sinks=4):
    return rules.streaming(view), min(sinks, max(count - 1, 0)), 1, count


PREFILL = {
    "h2o:budget=50%": h2o,
    "h2o:budget=20%,recent=4,sinks=4": functools.partial(h2o, recent=4, sinks=4),
    "h2o:budget=30%,reduce=max": functools.partial(h2o, reduce="max"),
    "h2o:budget=30%,reduce=sum": functools.partial(h2o, reduce="sum"),
    "h2o:budget=20%,queries=window": h2o_window,
    "h2o:budget=4,queries=window": h2o_window,
    "snapkv:budget=50%": snapkv,
    "snapkv:budget=20%": snapkv,
    "snapkv:budget=24,window=16,kernel=5,pool=mean": functools.partial(snapkv, window=16, kernel=5, pool="mean"),
    "snapkv:budget=30%,pool=none,reduce=max": functools.partial(snapkv, pool="none", reduce="max"),
    "snapkv:budget=8": snapkv,
    "tova:budget=50%": plain(rules.tova, recent=1),
    "tova:budget=20%": plain(rules.tova, recent=1),
    "key-norm:budget=50%": plain(rules.key_norm),
    "key-norm:budget=20%,sinks=4,recent=8": plain(rules.key_norm, sinks=4, recent=8),
    "key-diff:budget=50%": plain(rules.key_diff),
    "key-diff:budget=20%,sinks=4,recent=8": plain(rules.key_diff, sinks=4, recent=8),
    "random:budget=50%,seed=3": plain(rules.lots, seed=3),
    "random:budget=20%,sinks=4,recent=4": plain(rules.lots, sinks=4, recent=4),
    "streaming-llm:budget=50%": streaming,
    "streaming-llm:budget=3": streaming,
    "pyramidkv:budget=50%": pyramidkv,
    "pyramidkv:budget=20%": pyramidkv,
    "pyramidkv:budget=24,beta=10": functools.partial(pyramidkv, beta=10),
    "pyramidkv:budget=80%": pyramidkv,
}
ADA = {
    "ada-kv:budget=50%": (8, 0.2),
    "ada-kv:budget=20%": (8, 0.2),
    "ada-kv:budget=24,window=4,floor=0": (4, 0.0),
    "ada-kv:budget=30%,floor=70%": (8, 0.7),
}
DECODE = {
    "h2o:budget=30%,decode=on": h2o,
    "h2o:budget=20,decode=on,every=3,recent=5,sinks=2": functools.partial(h2o, recent=5, sinks=2),
    "tova:budget=30%,decode=on": plain(rules.tova, recent=1),
    "tova:budget=20,decode=on,every=4": plain(rules.tova, recent=1),
    "streaming-llm:budget=20%,decode=on": streaming,
    "key-norm:budget=30%,decode=on,recent=4": plain(rules.key_norm, recent=4),
    "key-diff:budget=30%,decode=on,recent=4": plain(rules.key_diff, recent=4),
    "random:budget=30%,decode=on,seed=9": plain(rules.lots, seed=9),
}


def options_of(spec):
    return dict(option.split("=") for option in spec.split(":")[1].split(","))


def budget_of(spec):
    text = options_of(spec)["budget"]
    return text if text.endswith("%") else int(text)


def ties(spec, view):
    """In the first layer, equal tokens have keys of equal norm: the rotary embedding only turns them."""
    return spec.startswith("key-norm") and view.layer_index == 0


def decides_for_layer(spec):
    return spec.startswith(("tova", "streaming-llm"))


def write_random_model(directory, seed, layers=3, q_heads=6, kv_heads=2, head_dim=8, width=48, vocab=60):
    """A model of random weights, large enough that its attention is uneven."""
    random = np.random.default_rng(seed)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocab, "hidden_size": width,
        "intermediate_size": 2 * width, "num_hidden_layers": layers, "num_attention_heads": q_heads,
        "num_key_value_heads": kv_heads, "head_dim": head_dim, "hidden_act": "silu", "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True, "bos_token_id": 0,
        "eos_token_id": 1, "torch_dtype": "float32",
    }
    shapes = {"model.embed_tokens.weight": (vocab, width), "model.norm.weight": (width,)}
    for layer in range(layers):
        prefix = f"model.layers.{layer}"
        shapes |= {
            f"{prefix}.input_layernorm.weight": (width,), f"{prefix}.post_attention_layernorm.weight": (width,),
            f"{prefix}.self_attn.q_proj.weight": (q_heads * head_dim, width),
            f"{prefix}.self_attn.k_proj.weight": (kv_heads * head_dim, width),
            f"{prefix}.self_attn.v_proj.weight": (kv_heads * head_dim, width),
            f"{prefix}.self_attn.o_proj.weight": (width, q_heads * head_dim),
            f"{prefix}.mlp.gate_proj.weight": (2 * width, width), f"{prefix}.mlp.up_proj.weight": (2 * width, width),
            f"{prefix}.mlp.down_proj.weight": (width, 2 * width),
        }
    header, blob = {}, b""
    for name, shape in shapes.items():
        values = np.ones(shape) if len(shape) == 1 else random.normal(size=shape) * 1.3 / np.sqrt(width)
        data = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + blob)


class Policies(KvreelTest):
    """Recordings are made once for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory(prefix="kvreel-test-")
        home = pathlib.Path(cls.home.name)
        write_random_model(home / "model", seed=4)
        random = np.random.default_rng(5)
        with open(home / "ids.jsonl", "w") as file:
            for length in (1, 3, 9, 30, 77, 150, 200, 233):
                file.write(json.dumps({"ids": random.integers(2, 60, length).tolist()}) + "\n")
        cls.models = {"demo": Model(DEMO / "model"), "random": Model(home / "model")}
        cls.recordings = {}
        for name, specs, model, prompts, extra in (
            ("demo", [*PREFILL, *ADA], DEMO / "model", DEMO / "prompts.jsonl", ["--max-new-tokens", 1]),
            ("random", [*PREFILL, *ADA], home / "model", home / "ids.jsonl", ["--max-new-tokens", 1]),
            ("demo-decode", DECODE, DEMO / "model", DEMO / "prompts.jsonl", ["--max-new-tokens", 14, "--limit", 6]),
            ("random-decode", DECODE, home / "model", home / "ids.jsonl", ["--max-new-tokens", 30]),
        ):
            path = home / f"{name}.h5"
            arguments = [part for spec in specs for part in ("--policy", spec)]
            result = kvreel("record", "--model", model, "--prompts", prompts, "--no-bandwidth", "--quiet",
                            "--ignore-eos", "-o", path, *extra, *arguments)
            assert result.returncode == 0, result.stderr
            cls.recordings[name] = Recording(path)

    @classmethod
    def tearDownClass(cls):
        for recording in cls.recordings.values():
            recording.trace.file.close()
        cls.home.cleanup()

    def views(self, model, layer, index, cached, row):
        """One view for each KV head; cached: positions by KV head."""
        return [
            rules.View(layer, index, model.kv_heads, head, np.asarray(cached[head]), row)
            for head in range(model.kv_heads)
        ]

    def check_scores(self, recording, row, view, scores, what):
        """The recorded scores of candidates are the reference's."""
        positions, recorded = recording.ranked(row)
        if len(recorded) == 0:
            self.assertTrue(what.startswith("streaming-llm") or len(positions) == 0, what)
            return
        mine = scores[np.searchsorted(view.cached, positions)]
        np.testing.assert_allclose(recorded, mine, atol=TOLERANCE * np.abs(scores).max(), err_msg=what)

    def check_prefill(self, name):
        recording, model = self.recordings[name], self.models[name]
        tally = {spec: Tally(self) for spec in [*PREFILL, *ADA]}
        for sample, prompt in enumerate(recording.prompts):
            n = len(prompt)
            layers = model.run(prompt).layers
            for run, spec in enumerate(recording.runs):
                decisions = recording.decisions(run, sample)
                self.assertEqual(sorted(decisions), [(0, index) for index in range(model.n_layers)])
                for index, layer in enumerate(layers):
                    views = self.views(model, layer, index, [np.arange(n)] * model.kv_heads, n - 1)
                    rows = decisions[0, index]
                    self.assertEqual(len(rows), 1 if decides_for_layer(spec) else model.kv_heads, spec)
                    check = self.check_ada if spec in ADA else self.check_heads
                    check(recording, spec, views, rows, n, tally[spec])
        for spec, counted in tally.items():
            with self.subTest(spec):
                counted.finish()
        return tally

    def check_heads(self, recording, spec, views, rows, n, tally):
        rule = PREFILL[spec]
        if spec.startswith("pyramidkv"):
            rule = functools.partial(rule, layers=self.model_layers(recording))
            if "beta" in spec:
                rule = functools.partial(rule, beta=int(options_of(spec)["beta"]))
        for head, row in rows.items():
            view = views[max(head, 0)]
            scores, sinks, recent, count = rule(view, rules.capacity(budget_of(spec), n))
            what = f"{spec}: {n} tokens, layer {view.layer_index}, KV head {head}"
            self.check_scores(recording, row, view, scores, what)
            kept = recording.kept(row)
            self.assertEqual(len(kept), min(n, count), what)
            theirs = rules.choose(scores, sinks, recent, count)
            tally.compare(kept, theirs, scores, what, ties(spec, view))

    def check_ada(self, recording, spec, views, rows, n, tally):
        window, floor = ADA[spec]
        count = rules.capacity(budget_of(spec), n)
        window = min(rules.observed_rows(window, count), n)
        scores = np.stack([rules.snapkv(view, window) for view in views])
        what = f"{spec}: {n} tokens, layer {views[0].layer_index}"
        for head, row in rows.items():
            self.check_scores(recording, row, views[head], scores[head], what)
        expected = rules.ada_kv(scores, window, count, floor)
        ours = np.concatenate([head * n + recording.kept(rows[head]) for head in range(len(views))])
        theirs = np.concatenate([head * n + kept for head, kept in enumerate(expected)])
        self.assertEqual(len(ours), len(views) * min(n, count), what)
        tally.compare(ours, theirs, scores.ravel(), what)

    def model_layers(self, recording):
        return int(recording.columns["layer"].max()) + 1

    def test_prefill_sets_of_the_demo_model_are_the_references(self):
        tally = self.check_prefill("demo")
        self.assertEqual(tally["h2o:budget=50%"].sets, 35 * 4 * 4)

    def test_prefill_sets_on_random_attention_are_the_references(self):
        self.check_prefill("random")

    def check_decode(self, name):
        recording, model = self.recordings[name], self.models[name.removesuffix("-decode")]
        for run, spec in enumerate(recording.runs):
            tally = Tally(self)
            late = 0
            for sample, prompt in enumerate(recording.prompts):
                late += self.check_decoded_pass(recording, model, run, spec, sample, prompt, tally)
            with self.subTest(spec):
                tally.finish()
                self.assertGreater(late, 50, "few decisions while decoding")

    def check_decoded_pass(self, recording, model, run, spec, sample, prompt, tally):
        """Every decision of a pass, on a model whose later rows see what the trace says was kept.

        Taking the recorded sets as given for what follows, each decision is checked by itself.
        """
        n = len(prompt)
        tokens = recording.generated(run, sample)
        ids = np.concatenate([prompt, tokens[:-1]]).astype(int)
        decisions = recording.decisions(run, sample)
        every = int(options_of(spec).get("every", 1))
        count = rules.capacity(budget_of(spec), n)
        total = len(ids)
        heads = range(model.kv_heads)

        # before[layer][step][head]: positions at the step's decision.
        before, visible = [], []
        for layer in range(model.n_layers):
            held = [np.arange(n) for _ in heads]
            seen = np.ones((model.kv_heads, total, total), dtype=bool)
            steps = []
            for step in range(len(tokens)):
                if step > 0:
                    held = [np.append(positions, n + step - 1) for positions in held]
                    for head in heads:
                        seen[head, n + step - 1] = np.isin(np.arange(total), held[head])
                steps.append(held)
                for head, row in decisions.get((step, layer), {}).items():
                    for each in heads if head < 0 else [head]:
                        kept = recording.kept(row)
                        self.assertTrue(np.isin(kept, held[each]).all(), "what was evicted has come back")
                        held = held[:each] + [kept] + held[each + 1 :]
            before.append(steps)
            visible.append(seen)
        result = model.run(ids, lambda layer: visible[layer])
        # The engine decoded what this model would have: its attention is the one that was decided on.
        self.assertEqual(list(np.argmax(result.logits[n - 1 :], axis=1)), list(tokens), spec)

        late = 0
        for layer in range(model.n_layers):
            for step in range(len(tokens)):
                rows = decisions.get((step, layer), {})
                row = n - 1 + step
                views = self.views(model, result.layers[layer], layer, before[layer][step], row)
                evicts = [step % every == 0 and (step == 0 or len(view.cached) > count) for view in views]
                wanted = [-1] if decides_for_layer(spec) else list(heads)
                self.assertEqual(sorted(rows), [head for head in wanted if evicts[max(head, 0)]], (spec, step))
                for head, decision in rows.items():
                    view = views[max(head, 0)]
                    scores, sinks, recent, size = DECODE[spec](view, count)
                    what = f"{spec}: step {step}, layer {layer}, KV head {head}"
                    self.check_scores(recording, decision, view, scores, what)
                    theirs = rules.choose(scores, sinks, recent, size)
                    ours = np.searchsorted(view.cached, recording.kept(decision))
                    self.assertEqual(len(ours), min(len(view.cached), count), what)
                    tally.compare(ours, theirs, scores, what, ties(spec, view))
                    late += step > 0
        return late

    def test_decode_steps_of_the_demo_model_evict_as_the_reference_does(self):
        self.check_decode("demo-decode")

    def test_decode_steps_on_random_attention_evict_as_the_reference_does(self):
        self.check_decode("random-decode")

    def test_recorded_rankings_of_decode_steps_end_where_eviction_stopped(self):
        recording = self.recordings["demo-decode"]
        late = np.flatnonzero(recording.columns["step"] > 0)
        self.assertGreater(len(late), 1000)
        for row in late[::50]:
            positions, _ = recording.ranked(row)
            self.assertLessEqual(len(positions), recording.columns["cut"][row] + 1)
            self.assertFalse(np.isin(positions[: recording.columns["cut"][row]], recording.kept(row)).any())

    def test_threads_and_chunks_change_no_set(self):
        specs = ["h2o:budget=30%,decode=on", "ada-kv:budget=30%", "random:budget=30%,decode=on", "key-diff"]
        arguments = [part for spec in specs for part in ("--policy", spec)]
        bytes_of = []
        for name, options in (("one.h5", ["--threads", 1]), ("three.h5", ["--threads", 3])):
            path = self.record(name, "--prompts", DEMO / "prompts.jsonl", "--limit", 6, "--max-new-tokens", 8,
                               *options, *arguments)
            trace = Trace(str(path))
            bytes_of.append([trace.file["decisions"][column][:].tobytes() for column in ("kept_ranges", "cut")])
            trace.file.close()
        self.assertEqual(bytes_of[0], bytes_of[1])


class Refusals(KvreelTest):
    def test_a_layer_that_the_model_lacks_is_refused_before_the_weights_are_read(self):
        out = self.dir / "a.h5"
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "<s>One", "-o", out,
                        "--policy", "full", "--policy", "h2o:layer-budgets=9@50%")
        self.assert_refused(result, "'h2o'", "layer 9", "layers 0 to 3", code=2)
        self.assertFalse(out.exists())

    def test_options_that_keep_nothing_are_refused(self):
        for spec, part in (("h2o:budget=0", "keeps nothing"), ("snapkv:window=0", "window=0"),
                           ("ada-kv:kernel=2", "odd"), ("tova:budget=1.5", "budget=1.5"),
                           ("snapkv:decode=on", "has no option 'decode'")):
            result = kvreel("record", "--model", DEMO / "model", "--prompt", "<s>One", "-o", self.dir / "a.h5",
                            "--policy", spec)
            self.assert_refused(result, part, code=2)

    def test_the_help_names_every_policy_and_its_options(self):
        text = kvreel("record", "--help").stdout
        for name in {spec.split(":")[0] for spec in [*PREFILL, *ADA]}:
            self.assertRegex(text, rf"(?m)^  {name} +\w")
        for spec in [*PREFILL, *ADA, *DECODE]:
            for option in options_of(spec):
                self.assertRegex(text, rf"\b{option}\b")


if __name__ == "__main__":
    unittest.main()
