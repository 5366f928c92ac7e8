"""LeNet-5 in PyTorch on the CPU. `eager` tries the settings that users are told to try and keeps the fastest.

`lenet_torch.py recipe CONFIG CHOICE` trains once and tests, as lenet-gpu does it: CONFIG is the `config` of its
`started` event, CHOICE the `choice` that a measurement printed.
"""
import itertools
import json
import math
import os
import sys
import time

import numpy as np
from timing import arguments, measure, rate

import torch
from torch import nn

from mnist import load


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def initialise(model):
    """The initial weights of lenet-gpu's lenet5 as a distribution: He uniform, biases 0."""
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)
        else:
            nn.init.kaiming_uniform_(parameter, nonlinearity="relu")


def recipe(config, choice):
    """Trains by lenet-gpu's `config` and tests; data is in memory, as floats, before the clock starts."""
    assert (config["model"], config["schedule"], config["validation"]) == ("lenet5", "one-cycle", 0), config
    assert config["optimizer"] in ("sgd", "nesterov") and config["data"] is None, config
    memory_format, threads, fused = choice
    torch.set_num_threads(threads)
    torch.manual_seed(config["seed"])
    # The levels of lenet5's input: `lenet-gpu summary`.
    halves = [map(torch.from_numpy, load(half, (-0.1, 1.175))) for half in ("train", "t10k")]
    (images, labels), tests = halves
    model = lenet5()
    initialise(model)
    model = model.to(memory_format=FORMATS[memory_format])
    samples, batch = len(labels), config["batch"]
    steps = config["epochs"] * math.ceil(samples / batch)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=config["learning_rate"], momentum=config["momentum"],
        weight_decay=config["weight_decay"], nesterov=config["optimizer"] == "nesterov", fused=fused or None)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config["learning_rate"], steps, pct_start=config["warmup"], cycle_momentum=False)
    loss_of = nn.CrossEntropyLoss(label_smoothing=config["label_smoothing"])

    start = time.perf_counter()
    for _ in range(config["epochs"]):
        for rows in torch.randperm(samples).split(batch):
            x = images.index_select(0, rows).contiguous(memory_format=FORMATS[memory_format])
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(x), labels.index_select(0, rows)).backward()
            optimizer.step()
            schedule.step()
    train_s = time.perf_counter() - start

    with torch.inference_mode():
        images, labels = tests
        correct = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000)))
    return {"test_accuracy": correct / len(labels), "steps": steps, "samples": config["epochs"] * samples, "train_s": train_s}


def prepare(args, images, labels, memory_format, threads, fused, compiled):
    """A function that does a number of steps with these settings."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = lenet5().to(memory_format=memory_format)
    assert sum(p.numel() for p in model.parameters()) == 61_706
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=fused or None)
    loss_of = nn.CrossEntropyLoss()
    forward = torch.compile(model) if compiled else model
    random = np.random.default_rng(1)
    order, at = torch.from_numpy(random.permutation(len(labels))), 0

    def batch():
        nonlocal order, at
        if at + args.batch > len(labels):
            order, at = torch.from_numpy(random.permutation(len(labels))), 0
        rows = order[at:at + args.batch]
        at += args.batch
        return images.index_select(0, rows).contiguous(memory_format=memory_format), labels.index_select(0, rows)

    def train(steps):
        for _ in range(steps):
            x, y = batch()
            optimizer.zero_grad(set_to_none=True)
            loss_of(forward(x), y).backward()
            optimizer.step()

    @torch.inference_mode()
    def evaluate(steps):
        for _ in range(steps):
            x, y = batch()
            (forward(x).argmax(1) == y).sum().item()

    return train if args.phase == "train" else evaluate


def main():
    if sys.argv[1:2] == ["recipe"]:
        return print(json.dumps(recipe(*map(json.loads, sys.argv[2:]))))
    args = arguments(["eager", "compile"])
    images, labels = map(torch.from_numpy, load())
    threads = sorted({1, os.cpu_count() // 2 or 1, len(os.sched_getaffinity(0))})
    fused = [False, True] if args.phase == "train" else [False]
    compiled = args.setting == "compile"
    if compiled:
        choices = [("contiguous", threads[-1], fused[-1])]
    else:
        choices = list(itertools.product(FORMATS, threads, fused))
    prepared = {c: prepare(args, images, labels, FORMATS[c[0]], c[1], c[2], compiled) for c in choices}
    best = choices[0]
    if len(choices) > 1:
        rates = {}
        for choice, steps in prepared.items():
            torch.set_num_threads(choice[1])
            steps(1)
            rates[choice] = rate(steps, args.batch, args.seconds / 2)[1]
        best = max(rates, key=rates.get)
    torch.set_num_threads(best[1])
    setting = f"{best[0]}, {best[1]} threads" + (", fused SGD" if best[2] else "")
    measure(f"PyTorch {torch.__version__.split('+')[0]} {args.setting}", args, prepared[best], setting=setting, choice=best)


main()
