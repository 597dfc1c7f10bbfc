#!/usr/bin/env python3
"""Trains the demo model, one stage of the recipe at a time (stages.py).

    python train.py A --out build/a
    python train.py B --out build/b --init build/a/checkpoint.pt
    python train.py C --out build/c --init build/b/checkpoint.pt
    python export.py build/c/checkpoint.pt build/model

A stage is as long as its tokens, not as a clock says, so a seed gives the same run again (on the
same machine, thread count and PyTorch; sums are ordered differently elsewhere). At its end the
stage's gate is measured: below it the exit status is 1, and the checkpoint is there for a look.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from data import training_batch
from evaluate import exact_match_at
from export import load_model
from model import Llama
from optimizer import Optimizer
from stages import STAGES
from tokenizer import Tokenizer, build


def losses(model, batch):
    """The weighted loss, and the plain mean loss of the answers (NaN without any)."""
    told = batch.weight[:, 1:] > 0
    hidden = model(batch.ids[:, :-1])[told]
    each = F.cross_entropy(model.logits(hidden), batch.ids[:, 1:][told], reduction="none")
    weight = batch.weight[:, 1:][told]
    return (each * weight).sum() / weight.sum(), each[weight == 1].mean().item()


def train(model, stage, tokens, seed, tokenizer, report):
    """Trains `model` in place on about `tokens` tokens and calls report(step, tokens, loss)."""
    optimizer = Optimizer(model, stage.adam_rate, stage.muon_rate)
    lengths, samples = random.Random(seed + 77), random.Random(seed * 7919 + 5)
    done = step = 0
    while done < tokens:
        progress = done / tokens
        length = lengths.choice(stage.lengths_at(progress))
        batch = training_batch(samples, stage, progress, length, tokenizer)
        loss, answer_loss = losses(model, batch)
        optimizer.step(loss, stage.rate_factor(step, progress))
        done += batch.ids.numel()
        step += 1
        report(step, done, answer_loss)


class Log:
    """Prints and appends to log.jsonl every `every` steps."""

    def __init__(self, path, every):
        self.path, self.every = path, every
        self.start, self.losses = time.monotonic(), []

    def __call__(self, step, tokens, answer_loss):
        if answer_loss == answer_loss:  # a batch of stories alone has no answer
            self.losses.append(answer_loss)
        if step % self.every:
            return
        mean = sum(self.losses) / max(1, len(self.losses))
        rate = tokens / (time.monotonic() - self.start)
        self.write(
            {"step": step, "tokens": tokens, "per_second": round(rate), "answer": round(mean, 4)}
        )
        self.losses = []

    def write(self, row):
        print(json.dumps(row), flush=True)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def missed(found, gate):
    return [
        f"{task} {found[task]} < {least}" for task, least in gate.items() if found[task] < least
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--out", type=Path, required=True, help="directory of checkpoint and log")
    parser.add_argument("--init", help="checkpoint or model directory to go on from")
    parser.add_argument("--tokens", type=int, help="instead of the stage's own number, for trials")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=100, help="steps between lines of the log")
    args = parser.parse_args()
    stage = STAGES[args.stage]
    if args.init is None and args.stage != "A":
        parser.error(f"stage {args.stage} goes on from the stage before it: give --init")
    if args.tokens is not None and args.tokens < 1:
        parser.error(f"--tokens {args.tokens}: give at least 1")

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    tokenizer = Tokenizer(build())
    model = load_model(args.init) if args.init else Llama(seed=args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    log = Log(args.out / "log.jsonl", args.every)
    train(model, stage, args.tokens or stage.tokens, args.seed, tokenizer, log)
    torch.save(model.state_dict(), args.out / "checkpoint.pt")

    found = exact_match_at(model, tokenizer, stage.gate_length)
    log.write({"length": stage.gate_length, "exact_match": found})
    below = missed(found, stage.gate)
    if below:
        sys.exit(f"stage {args.stage} is below its gate: {', '.join(below)}")


if __name__ == "__main__":
    main()
