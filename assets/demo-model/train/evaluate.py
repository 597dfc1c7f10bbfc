#!/usr/bin/env python3
"""Exact match of a model on held-out prompts.

    python evaluate.py ../model              # 64 to 480 tokens, as the shipped prompts are drawn
    python evaluate.py checkpoint.pt --per-task 60

An answer counts when greedy decoding gives all of it, </s> included. That is the same as every
token of the answer being the most likely one after the tokens before it, so one forward pass does.
"""

import argparse
import random

import torch

from data import task_batch
from export import load_model
from make_prompts import held_out
from tasks import TASKS
from tokenizer import Tokenizer, build


@torch.no_grad()
def exact_match_at(model, tokenizer, length, per_task=64, seed=12345):
    """Per cent of samples of about `length` tokens whose last answer is right: {task: per cent}."""
    rng, result = random.Random(seed + length), {}
    size = min(per_task, max(1, 8192 // length))
    for task in TASKS:
        right = total = 0
        while total < per_task:
            batch = task_batch(rng, task, length, size, tokenizer)
            best = model.logits(model(batch.ids[:, :-1])).argmax(-1)
            asked = batch.answer[:, 1:] == batch.answer.amax(1, keepdim=True)
            right += ((best == batch.ids[:, 1:]) | ~asked).all(1).sum().item()
            total += size
        result[task] = round(100 * right / total, 1)
    return result


@torch.no_grad()
def exact_match(model, samples):
    """Per cent of (prompt ids, answer ids) pairs answered exactly."""
    right = 0
    for prompt, answer in samples:
        hidden = model(torch.tensor([prompt + answer[:-1]]))
        best = model.logits(hidden[0, len(prompt) - 1 :]).argmax(-1)
        right += best.tolist() == answer
    return round(100 * right / len(samples), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a checkpoint of train.py, or a model directory")
    parser.add_argument("--per-task", type=int, default=240)
    parser.add_argument("--seed", type=int, default=999)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = Tokenizer(build())
    model = load_model(args.model)
    stratified = ("fact", "twohop", "passkey", "arith")
    for task, rows in held_out(tokenizer, args.per_task, args.seed, stratified).items():
        pairs = [(row["prompt_ids"], row["answer_ids"]) for row in rows]
        print(f"{task:8s} {exact_match(model, pairs):5.1f} % of {len(pairs)}", flush=True)


if __name__ == "__main__":
    main()
