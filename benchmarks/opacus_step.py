"""Opacus's side of `benchmarks.dp_step`: runs in an environment of its own, without ours.

Usage: python opacus_step.py network batch.npz; then one line of standard input for each step:
"check file.npz", "plain" or "ghost", answered with the seconds that it took.
"""

import sys
import time

import numpy as np
import torch
from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import (
    GradSampleModuleFastGradientClipping,
)
from opacus.optimizers import DPOptimizerFastGradientClipping
from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping
from torch import nn


class AsInKeras(nn.Module):
    """Flattens with channels last, so that weights can be taken over."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def network(name, channels, classes):
    if name == "tanh_cnn":
        layers = [
            nn.Conv2d(channels, 16, 8, stride=2, padding=3),
            nn.Tanh(),
            nn.MaxPool2d(2, 1),
            nn.Conv2d(16, 32, 4, stride=2),
            nn.Tanh(),
            nn.MaxPool2d(2, 1),
            AsInKeras(),
            nn.Linear(512, 32),
            nn.Tanh(),
            nn.Linear(32, classes),
        ]
    else:
        first, hidden = {"mnist_cnn": (16, 128), "paper_cnn": (12, 256)}[name]
        layers = [
            nn.Conv2d(channels, first, 3, padding="same"),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, 2 * first, 3, padding="same"),
            nn.ReLU(),
            nn.MaxPool2d(2),
            AsInKeras(),
            nn.Linear(98 * first, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        ]
    return nn.Sequential(*layers)


def to_torch(weight):
    return weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.T


def to_keras(gradient):
    return gradient.transpose(2, 3, 1, 0) if gradient.ndim == 4 else gradient.T


def main():
    batch = np.load(sys.argv[2])
    images = torch.tensor(batch["images"].transpose(0, 3, 1, 2).copy())
    labels = torch.tensor(batch["labels"].astype(np.int64))
    clipping_norm = float(batch["clipping_norm"])
    model = network(sys.argv[1], images.shape[1], int(batch["classes"]))
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.tensor(to_torch(batch[f"weight{index}"]).copy()))
    plain_loss = nn.CrossEntropyLoss()
    sum_loss = nn.CrossEntropyLoss(reduction="sum")

    def plain():
        model.zero_grad()
        plain_loss(model(images), labels).backward()

    plain()
    # From here on the model has Opacus's hooks; it is plain in a copy.
    private_model = network(sys.argv[1], images.shape[1], int(batch["classes"]))
    private_model.load_state_dict(model.state_dict())
    module = GradSampleModuleFastGradientClipping(
        private_model, loss_reduction="sum", max_grad_norm=clipping_norm, use_ghost_clipping=True
    )
    optimizer = DPOptimizerFastGradientClipping(
        torch.optim.SGD(module.parameters(), 0.1),
        noise_multiplier=0.0,
        max_grad_norm=clipping_norm,
        expected_batch_size=len(images),
        loss_reduction="sum",
    )
    criterion = DPLossFastGradientClipping(module, optimizer, sum_loss, loss_reduction="sum")

    def ghost():
        optimizer.zero_grad()
        criterion(module(images), labels).backward()

    def seconds_with(threads):
        torch.set_num_threads(threads)
        ghost()
        start = time.perf_counter()
        for _ in range(3):
            ghost()
        return time.perf_counter() - start

    # On a machine that is busy otherwise, two threads can take ten times as long as one.
    torch.set_num_threads(min((1, 2), key=seconds_with))
    for line in sys.stdin:
        step, _, file = line.strip().partition(" ")
        start = time.perf_counter()
        (plain if step == "plain" else ghost)()
        seconds = time.perf_counter() - start
        if step == "check":
            gradients = [to_keras(p.grad.numpy()) for p in private_model.parameters()]
            np.savez(file, *gradients)
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
