"""Muon for the matrices, AdamW for embedding and norms."""

import torch


def orthogonal(matrix, steps=5):
    """About the nearest orthogonal matrix, by Newton-Schulz steps (Jordan et al., Muon, 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon:
    """Nesterov momentum whose update is made orthogonal; decoupled weight decay."""

    def __init__(self, matrices, rate, momentum=0.95, decay=0.05):
        self.matrices, self.rate = matrices, rate
        self.momentum, self.decay = momentum, decay
        self.velocity = [torch.zeros_like(matrix) for matrix in matrices]

    @torch.no_grad()
    def step(self, factor):
        """One step at `factor` times the learning rate."""
        rate = self.rate * factor
        for matrix, velocity in zip(self.matrices, self.velocity):
            velocity.mul_(self.momentum).add_(matrix.grad)
            update = orthogonal(matrix.grad + self.momentum * velocity)
            tallness = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
            matrix.mul_(1 - rate * self.decay).add_(update, alpha=-rate * tallness)


class Optimizer:
    """Both, behind one step. Gradients are clipped together, to a norm of 1."""

    def __init__(self, model, adam_rate, muon_rate):
        self.model, self.adam_rate = model, adam_rate
        self.adam = torch.optim.AdamW(
            model.others(), lr=adam_rate, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0
        )
        self.muon = Muon(model.matrices(), muon_rate)

    def step(self, loss, factor):
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * factor
        self.adam.step()
        self.muon.step(factor)
