"""The recipe: stages A, B and C with their rates, their mixtures, and the gate each has to pass."""

import math
from dataclasses import dataclass, field

from tasks import TASKS


@dataclass(frozen=True)
class Stage:
    """One stage. Everything that changes within it is a function of its progress, 0..1."""

    tokens: int  # of all steps, padding included
    adam_rate: float
    muon_rate: float
    step_tokens: int  # of one step; its sequences all have one length
    story_weight: float  # of all tokens that are not an answer, in the loss
    lengths: tuple  # (progress from which on, lengths drawn from)
    mixture: tuple  # weights of the seven tasks and of a story without a question
    gate_length: int
    gate: dict = field(hash=False)  # task -> exact match in per cent that ends the stage well
    warm_steps: int = 100
    decay: float = 0.4  # the share at the end in which the rates fall to 2 %
    copy_until: float = 0.12  # until then 35 % of the samples are long plain copies
    exercise: float = 0.0  # share of dense exercises ...
    exercise_fades: tuple = (0.3, 0.6)  # ... which falls between these, to 8 % of itself
    crowded_fades: tuple = (0.5, 0.8)  # samples of many questions: 85 % before, 10 % after

    def rate_factor(self, step, progress):
        warm = min(1.0, (step + 1) / self.warm_steps)
        if progress < 1 - self.decay:
            return warm
        fall = (progress - (1 - self.decay)) / self.decay
        return warm * (0.98 * 0.5 * (1 + math.cos(math.pi * fall)) + 0.02)

    def lengths_at(self, progress):
        return [lengths for start, lengths in self.lengths if progress >= start][-1]

    def exercise_share(self, progress):
        start, end = self.exercise_fades
        return self.exercise * min(1, max(0.08, (end - progress) / (end - start)))

    def crowded_share(self, progress):
        start, end = self.crowded_fades
        if progress < start:
            return 0.85
        return 0.1 + (0.85 * (end - progress) / (end - start) if progress < end else 0)


STAGES = {
    # From nothing to induction: plain copies, short stories.
    "A": Stage(
        tokens=1_500_000,
        adam_rate=3e-3,
        muon_rate=0.02,
        step_tokens=2048,
        story_weight=0.1,
        lengths=((0, (48, 64)), (0.4, (64, 96)), (0.8, (64, 96, 128))),
        mixture=(1, 1, 1, 1, 1, 1, 1, 0.3),
        copy_until=0.3,
        gate_length=96,
        gate={"copy": 20},
    ),
    # From induction to look-up by several words: half the samples are dense exercises.
    "B": Stage(
        tokens=6_100_000,
        adam_rate=3e-3,
        muon_rate=0.02,
        step_tokens=4096,
        story_weight=0.1,
        lengths=((0, (64, 96)),),
        mixture=(1.2, 1, 1.2, 1.2, 1.2, 1, 0.5, 0.1),
        warm_steps=40,
        decay=0.2,
        copy_until=0.35,
        exercise=0.5,
        exercise_fades=(0.9, 1.0),
        crowded_fades=(0.9, 1.0),
        gate_length=96,
        gate={"twohop": 90, "list": 90, "fewshot": 90},
    ),
    # To stories of up to 512 tokens with a single question.
    "C": Stage(
        tokens=15_600_000,
        adam_rate=2e-3,
        muon_rate=0.015,
        step_tokens=4096,
        story_weight=0.03,
        lengths=(
            (0, (64, 96, 128)),
            (0.15, (96, 128, 192, 256)),
            (0.3, (128, 192, 256, 384)),
            (0.5, (96, 192, 256, 384, 512)),
            (0.75, (128, 256, 384, 512)),
        ),
        mixture=(1, 0.9, 1.3, 1.2, 1.2, 0.9, 0.9, 0.1),
        decay=0.7,
        exercise=0.15,
        exercise_fades=(0.1, 0.4),
        crowded_fades=(0.2, 0.3),
        gate_length=480,
        gate={task: 88 for task in TASKS},
    ),
}
