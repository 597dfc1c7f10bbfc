"""What a file says of its size is checked before memory is taken: with 2 GiB of address space, each of these gets one sentence."""

import json
import os
import resource
import shutil
import struct
import unittest

from kvreel_command import DEMO, KvreelTest, kvreel

LIMIT = 2 << 30
HUGE = 10 << 30


def little_memory():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


def sparse(path, size=HUGE):
    """A file of that size that takes no room on the disk."""
    path.write_bytes(b"")
    os.truncate(path, size)


class FileLimits(KvreelTest):
    @classmethod
    def setUpClass(cls):
        if kvreel("--version", preexec_fn=little_memory).returncode != 0:
            raise unittest.SkipTest("the program does not start with 2 GiB of address space: AddressSanitizer takes terabytes of it")

    def refused(self, *arguments, parts, model=DEMO / "model"):
        trace = self.dir / "trace.h5"
        result = kvreel("record", "--model", model, *arguments, "--no-bandwidth", "-o", trace, preexec_fn=little_memory)
        self.assertNotIn("bad_alloc", result.stderr)
        self.assert_refused(result, *parts)
        self.assertFalse(trace.exists())

    def refused_model(self, change, *arguments, parts):
        model = self.dir / "model"
        shutil.copytree(DEMO / "model", model)
        try:
            change(model)
            self.refused("--prompt", "Story:", *arguments, parts=parts, model=model)
        finally:
            shutil.rmtree(model)

    def test_the_limit_leaves_room_for_a_recording(self):
        result = kvreel("record", "--model", DEMO / "model", "--prompt", "Story:", "--max-new-tokens", 2, "--no-bandwidth", "-o",
                        self.dir / "trace.h5", preexec_fn=little_memory)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_huge_files(self):
        for name in ("p.jsonl", "p.json", "p.txt"):
            path = self.dir / name
            sparse(path)
            self.refused("--prompts", path, parts=[name, "10.0 GiB", "1.00 GiB", "split"])
        self.refused("--dataset", f"gsm8k:{self.dir / 'p.jsonl'}", parts=["p.jsonl", "10.0 GiB", "split"])
        for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            self.refused_model(lambda model, name=name: sparse(model / name), parts=[name, "10.0 GiB", "95.4 MiB"])
        self.refused_model(lambda model: sparse(model / "model.safetensors"), parts=["model.safetensors"])

    def test_a_line_that_is_too_long_to_be_json(self):
        sparse(self.dir / "p.jsonl", 300 << 20)
        self.refused("--prompts", self.dir / "p.jsonl", parts=["p.jsonl, line 1", "300 MiB", "256 MiB"])

    def test_more_json_values_than_memory_holds(self):
        many = b'{"a":[' + b"0," * (20 << 20) + b"0]}"
        (self.dir / "p.jsonl").write_bytes(many)
        self.refused("--prompts", self.dir / "p.jsonl", parts=["p.jsonl, line 1", "20971523 JSON values"])
        self.refused_model(lambda model: (model / "config.json").write_bytes(many), parts=["config.json", "JSON values"])

    def test_deeply_nested_json(self):
        deep = "[" * 100_000 + "]" * 100_000
        (self.dir / "p.jsonl").write_text(deep)
        self.refused("--prompts", self.dir / "p.jsonl", parts=["p.jsonl, line 1", "deeper than 64"])
        for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
            self.refused_model(lambda model, name=name: (model / name).write_text(deep), parts=[name, "deeper than 64"])

    def test_sizes_in_config_json(self):
        def config(**changes):
            def change(model):
                path = model / "config.json"
                path.write_text(json.dumps(json.loads(path.read_text()) | changes))
            return change

        for value in (2**31, 2**63, 2**64, -1, 1e300):
            for key in ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "head_dim", "vocab_size"):
                self.refused_model(config(**{key: value}), parts=["config.json", key])
        # Each within its bounds; their products are not within 2^64 bytes.
        largest = {"hidden_size": 2**20, "intermediate_size": 2**22, "num_hidden_layers": 2**12, "num_attention_heads": 2**14,
                   "num_key_value_heads": 2**14, "head_dim": 64, "vocab_size": 2**24, "max_position_embeddings": 2**31 - 1}
        self.refused_model(config(**largest), "--load-format", "dummy", "--max-new-tokens", 2**31 - 10_000,
                           parts=["16.0 EiB KV cache", "--ignore-memory"])
        self.refused_model(config(**largest), "--load-format", "dummy", "--ignore-memory", parts=["dummy weights"])

    def test_sizes_in_safetensors_headers(self):
        def header(text, length=None):
            def change(model):
                data = text.encode()
                (model / "model.safetensors").write_bytes(struct.pack("<Q", len(data) if length is None else length) + data)
            return change

        for length in (2**63, 2**64 - 8, 2**64 - 1, 100_000_000):
            self.refused_model(header("{}", length), parts=["model.safetensors", "header"])
        for shape, offsets in (([2**32, 2**32], [0, 0]), ([2**63 - 1, 2], [0, 2**64 - 1]), ([2**64], [0, 8]),
                               ([1], [2**64 - 4, 2**64 - 1]), ([0, 2**63 - 1], [2**63 - 1, 2**63 - 1])):
            text = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": offsets}})
            self.refused_model(header(text), parts=["model.safetensors", '"a"'])

    def test_token_ids_in_tokenizer_json(self):
        def token(identity):
            def change(model):
                tokenizer = json.loads((model / "tokenizer.json").read_text())
                tokenizer["model"]["vocab"]["zzz"] = identity
                (model / "tokenizer.json").write_text(json.dumps(tokenizer))
            return change

        for identity in (2**24, 2**31, 2**63, 2**64, -1):
            self.refused_model(token(identity), parts=["tokenizer.json", "zzz"])


if __name__ == "__main__":
    unittest.main()
