"""What goes wrong gets one sentence that names file, place and remedy, and harms nothing."""

import json
import pathlib
import resource
import shutil
import struct
import unittest

from kvreel_command import DEMO, KvreelTest, kvreel


class BadInput(KvreelTest):
    def model_copy(self):
        model = self.dir / "model"
        shutil.copytree(DEMO / "model", model)
        return model

    def refused(self, *arguments, model=DEMO / "model", prompts=("--prompt", "Story:"), code=1, parts=()):
        trace = self.dir / "trace.h5"
        result = kvreel("record", "--model", model, *prompts, "-o", trace, "--no-bandwidth", *arguments)
        self.assert_refused(result, *parts, code=code)
        self.assertFalse(trace.exists(), "a refused command leaves no file behind")

    def test_model_directories(self):
        self.refused(model=self.dir / "nowhere", parts=["no model directory", "nowhere"])
        empty = self.dir / "empty"
        empty.mkdir()
        self.refused(model=empty, parts=["config.json"])

    def test_config_values(self):
        cases = [
            ({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, ["GPT2LMHeadModel"]),
            ({"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}, ["config.json", "longrope"]),
            ({"hidden_act": "gelu"}, ["config.json", "hidden_act", "gelu"]),
            ({"quantization_config": {"bits": 4}}, ["config.json", "quantization_config"]),
            ({"num_key_value_heads": 3}, ["config.json", "num_key_value_heads", "3"]),
            ({"hidden_size": "128"}, ["config.json", "hidden_size"]),
            ({"hidden_size": 96}, ["96"]),
            ({"vocab_size": 700}, ["tokenizer.json", "700"]),
        ]
        for change, parts in cases:
            with self.subTest(change=change):
                model = self.model_copy()
                config = json.loads((model / "config.json").read_text())
                config.update(change)
                (model / "config.json").write_text(json.dumps(config))
                self.refused(model=model, parts=parts)
                shutil.rmtree(model)

    def test_weights(self):
        model = self.model_copy()
        weights = model / "model.safetensors"
        original = weights.read_bytes()
        (length,) = struct.unpack("<Q", original[:8])
        header = json.loads(original[8 : 8 + length])

        def rewrite(change):
            changed = json.loads(json.dumps(header))
            change(changed)
            text = json.dumps(changed).encode()
            weights.write_bytes(struct.pack("<Q", len(text)) + text + original[8 + length :])

        name = "model.layers.0.self_attn.q_proj.weight"
        end = header[name]["data_offsets"][1]
        cases = {
            "truncated": (lambda: weights.write_bytes(original[:-1000]), ["model.safetensors"]),
            "empty": (lambda: weights.write_bytes(b""), ["model.safetensors"]),
            "header length": (lambda: weights.write_bytes(b"\xff" * 8 + original[8:]), ["model.safetensors"]),
            "outside": (
                lambda: rewrite(lambda h: h[name].update(data_offsets=[end, end + 10**12])), [name]),
            "shape": (lambda: rewrite(lambda h: h[name].update(shape=[64, 256])), [name]),
            "dtype": (lambda: rewrite(lambda h: h[name].update(dtype="I8")), [name]),
            "missing": (lambda: rewrite(lambda h: h.update({"other": h.pop(name)})), ["model.safetensors"]),
            "gone": (weights.unlink, ["model.safetensors"]),
        }
        for case, (spoil, parts) in cases.items():
            with self.subTest(case=case):
                weights.write_bytes(original)
                spoil()
                self.refused(model=model, parts=parts)

    def test_tokenizer(self):
        model = self.model_copy()
        text = (model / "tokenizer.json").read_text()
        for broken in (text[: len(text) // 2], text.replace('"BPE"', '"Unigram"'), "[]"):
            with self.subTest(broken=broken[:40]):
                (model / "tokenizer.json").write_text(broken)
                self.refused(model=model, parts=["tokenizer.json"])
        (model / "tokenizer.json").unlink()
        self.refused(model=model, parts=["tokenizer.json"])

    def test_prompts(self):
        prompts = self.dir / "prompts.jsonl"

        def with_lines(*lines):
            prompts.write_text("\n".join(lines) + "\n")
            return ("--prompts", prompts)

        good = json.dumps({"prompt": "Story: The sun was warm."})
        self.refused(prompts=with_lines(good, "", '{"prompt": '), parts=["prompts.jsonl, line 3"])
        self.refused(prompts=with_lines(good, "[1]"), parts=["line 2", "object"])
        self.refused(prompts=with_lines('{"question": "Why?"}'), parts=["line 1", "question", "--template"])
        self.refused("--template", "{answr}", prompts=with_lines(good), parts=["answr", "prompt"])
        self.refused(prompts=with_lines('{"prompt": "a", "id": 1}', '{"prompt": "b", "id": 1}'),
                     parts=["line 2", "'1'"])
        self.refused(prompts=with_lines(""), parts=["no prompts"])
        self.refused(prompts=("--prompts", self.dir / "none.jsonl"), parts=["none.jsonl"])
        self.refused(prompts=with_lines(json.dumps({"prompt": "word " * 600})),
                     parts=["line 1", "512", "--truncate middle"])
        self.refused("--chat", prompts=with_lines(good), parts=["chat template", "--chat"])
        self.refused(prompts=with_lines('{"ids": [1, 99999]}'), parts=["99999"])
        prompts.write_bytes(b'{"prompt": "caf\xe9"}\n')
        self.refused(prompts=("--prompts", prompts), parts=["line 1"])

    def test_middle_truncation_fits(self):
        prompts = self.dir / "long.jsonl"
        prompts.write_text(json.dumps({"prompt": "<s>Story:" + " The sun was warm." * 300}) + "\n")
        self.record("trace.h5", "--prompts", prompts, "--truncate", "middle", "--max-new-tokens", 4)

    def test_policies(self):
        self.refused("--policy", "refrekv", code=2, parts=["refrekv", "Did you mean 'refreekv'?"])
        self.refused("--policy", "refreekv:treshold=1%", code=2, parts=["treshold", "threshold"])
        self.refused("--policy", "refreekv:threshold=7", code=2, parts=["threshold=7", "1%"])
        self.refused("--policy", "full", "--policy", "full", code=2, parts=["full", "twice"])

    def test_options(self):
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "x", "-o", self.dir / "t.h5", "--kv-dtype", "f8")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(kvreel("recrod").returncode, 2)
        self.assertEqual(kvreel().returncode, 2)
        self.refused("--max-new-tokens", 600, parts=["600", "512"])
        self.refused(prompts=(), code=2, parts=["--prompts", "--prompt"])

    def test_an_existing_output_is_kept(self):
        trace = self.record("trace.h5", "--prompt", "Story:")
        before = trace.read_bytes()
        again = ["record", "--model", DEMO / "model", "--prompt", "Other", "--no-bandwidth", "-o", trace]
        self.assert_refused(kvreel(*again), "trace.h5", "--force")
        self.assertEqual(trace.read_bytes(), before)
        self.run_kvreel(*again, "--force")
        self.assertNotEqual(trace.read_bytes(), before)

    def test_a_refused_command_keeps_the_file_that_it_would_replace(self):
        trace = self.record("trace.h5", "--prompt", "Story:")
        before = trace.read_bytes()
        result = kvreel("record", "--model", self.dir, "--prompt", "x", "-o", trace, "--force")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(trace.read_bytes(), before)

    def test_outputs_that_cannot_be_written(self):
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "x", "-o", self.dir / "no" / "t.h5")
        self.assert_refused(result, "no directory", "no")
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "x", "-o", self.dir)
        self.assert_refused(result, "directory")

    def test_a_full_disk_leaves_a_readable_trace(self):
        trace = self.dir / "trace.h5"

        def small_files():
            # A limit on file size fails writes as a full disk does (EFBIG for ENOSPC).
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

        result = kvreel(
            "record", "--model", DEMO / "model", "--prompts", DEMO / "prompts.jsonl", "--max-new-tokens", 24,
            "--policy", "full", "--policy", "refreekv", "--attention-rows", "--no-bandwidth", "--quiet", "-o", trace,
            preexec_fn=small_files,
        )
        self.assert_refused(result, "trace.h5")
        self.run_kvreel("info", trace)
        passes = self.export(trace, "passes")
        self.assertLess(len(passes), 70)

    def test_memory_is_estimated_before_loading(self):
        model = self.model_copy()
        config = json.loads((model / "config.json").read_text())
        config.update(hidden_size=16384, intermediate_size=65536, num_hidden_layers=120, num_attention_heads=128,
                      num_key_value_heads=128, head_dim=128)
        (model / "config.json").write_text(json.dumps(config))
        self.refused("--load-format", "dummy", model=model, parts=["GiB", "--ignore-memory"])

    def test_files_that_are_no_traces(self):
        other = self.dir / "other.h5"
        other.write_bytes(b"not HDF5 at all")
        for command in (["info", other], ["compare", other], ["export", other, "--table", "steps"],
                        ["recover", other, "-o", self.dir / "clean.h5"]):
            self.assert_refused(kvreel(*command), "other.h5")
        self.assert_refused(kvreel("info", self.dir / "none.h5"), "none.h5")

    def test_export_names_the_nearest_table(self):
        trace = self.record("trace.h5", "--prompt", "Story:")
        self.assert_refused(kvreel("export", trace, "--table", "decision"), "decisions", code=2)
        self.assert_refused(kvreel("export", trace, "--table", "steps", "--run", "ful"), "full", code=2)
        self.assert_refused(kvreel("export", trace), "--table", code=2)


if __name__ == "__main__":
    unittest.main()
