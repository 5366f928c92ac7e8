#!/usr/bin/env python3
"""Does PyTorch read the weights of a run, and give the same logits?

    cargo run --release -- eval --weights runs/lenet5-1/last.safetensors --logits logits.safetensors
    python3 scripts/pytorch_logits.py runs/lenet5-1/last.safetensors logits.safetensors

Needs `pip install torch safetensors numpy`. Builds the network from the model's name in the file, loads
every tensor by its name, runs it over the 10,000 MNIST test images and compares: exit code 1 if any logit
differs by more than 1e-4.
"""

import argparse
import gzip
import pathlib
import sys

import numpy
import torch
from safetensors import safe_open
from torch import nn

MNIST = pathlib.Path(__file__).parent.parent / "assets" / "mnist"

# Activation, and the input values of a byte 0 and a byte 255.
MODELS = {"lenet5": (nn.ReLU, -0.1, 1.175), "lenet5-keras": (nn.Identity, 0.0, 1.0)}


def network(activation):
    """LeNet-5 with the layer names of lenet-gpu."""
    layers = [
        ("c1", nn.Conv2d(1, 6, 5)), ("c1_activation", activation()), ("s2", nn.MaxPool2d(2)),
        ("c3", nn.Conv2d(6, 16, 5)), ("c3_activation", activation()), ("s4", nn.MaxPool2d(2)),
        ("c5", nn.Conv2d(16, 120, 5)), ("c5_activation", activation()), ("flatten", nn.Flatten()),
        ("f6", nn.Linear(120, 84)), ("f6_activation", activation()), ("output", nn.Linear(84, 10)),
    ]
    model = nn.Sequential()
    for name, layer in layers:
        model.add_module(name, layer)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="a safetensors file of a run")
    parser.add_argument("logits", help="what `lenet-gpu eval --logits` wrote with these weights")
    arguments = parser.parse_args()

    with safe_open(arguments.weights, framework="pt") as file:
        name = file.metadata()["model"]
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    with safe_open(arguments.logits, framework="pt") as file:
        ours = file.get_tensor("logits")

    activation, background, foreground = MODELS[name]
    model = network(activation)
    model.load_state_dict(tensors, strict=True)
    with gzip.open(MNIST / "t10k-images-idx3-ubyte.gz") as file:
        images = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    x = background + (foreground - background) / 255 * torch.tensor(images).float()
    x = nn.functional.pad(x, (2, 2, 2, 2), value=background)
    with torch.no_grad():
        theirs = model(x)

    worst = (ours - theirs).abs().max().item()
    print(f"{name}: {tuple(ours.shape)} logits up to {theirs.abs().max():.1f}, largest difference {worst:.2e}")
    sys.exit(0 if worst <= 1e-4 else 1)


if __name__ == "__main__":
    main()
