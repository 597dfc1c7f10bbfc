"""Samples to tensors: what a training step and an evaluation are fed."""

from typing import NamedTuple

import torch

from curriculum import exercise
from tasks import ANSWER, SILENT, TASKS, copy, sample, story

STORY = "story"


class Batch(NamedTuple):
    ids: torch.Tensor  # [batch, length], 0 behind a sample's end
    weight: torch.Tensor  # [batch, length], of each token in the loss
    answer: torch.Tensor  # [batch, length], which answer a token belongs to: 1.., else 0


def tensors(samples, length, tokenizer, story_weight=0.0):
    ids = torch.zeros(len(samples), length, dtype=torch.long)
    weight = torch.zeros(len(samples), length)
    answer = torch.zeros(len(samples), length, dtype=torch.long)
    for row, segments in enumerate(samples):
        place, answers = 0, 0
        for text, kind in segments:
            tokens = tokenizer.encode(text)
            where = slice(place, place + len(tokens))
            ids[row, where] = torch.tensor(tokens)
            if kind == ANSWER:
                answers += 1
                answer[row, where] = answers
            weight[row, where] = {ANSWER: 1.0, SILENT: 0.0}.get(kind, story_weight)
            place += len(tokens)
    return Batch(ids, weight, answer)


def draw(rng, make, length, tokenizer):
    """A sample of `make()` that fits in `length` tokens; planning is approximate, so it retries."""
    while True:
        segments = make()
        if sum(tokenizer.count(text) for text, _ in segments) <= length:
            return segments


def training_sample(rng, stage, progress, length, tokenizer):
    """One sample of the stage's mixture."""
    count = tokenizer.count
    task = rng.choices(TASKS + [STORY], stage.mixture)[0]
    if progress < stage.copy_until and rng.random() < 0.35:
        return copy(rng, length, count, long=True)
    if rng.random() < stage.exercise_share(progress):
        return exercise(rng, length, count)
    if task == STORY:
        return story(rng, length, count)
    if rng.random() > stage.crowded_share(progress):
        questions = rng.randint(1, min(8, max(2, length // 20)))
        return sample(rng, task, length, count, questions)
    questions, density = rng.randint(2, max(3, min(10, length // 20))), rng.uniform(0.6, 1)
    return sample(rng, task, length, count, questions, density=density, mix=0, stems=True)


def training_batch(rng, stage, progress, length, tokenizer):
    def make():
        return training_sample(rng, stage, progress, length, tokenizer)

    size = max(1, stage.step_tokens // length)
    samples = [draw(rng, make, length, tokenizer) for _ in range(size)]
    return tensors(samples, length, tokenizer, stage.story_weight)


def task_batch(rng, task, length, size, tokenizer):
    """`size` samples of one task with one question each."""
    samples = [
        draw(rng, lambda: sample(rng, task, length, tokenizer.count), length, tokenizer)
        for _ in range(size)
    ]
    return tensors(samples, length, tokenizer)
