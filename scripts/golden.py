"""Golden values of training steps, made by PyTorch: assets/golden/<preset>_step.safetensors.

    python scripts/golden.py [--data assets/mnist] [--out assets/golden]

Needs torch, numpy and safetensors. Each file holds a batch of real images, untrained weights, and what
PyTorch makes of them: logits, loss, gradients, and the weights after some steps of each optimiser on the
same batch. The settings of each run are in the file's metadata, so that a test reads them from there.

PyTorch computes in float64 from weights and settings that are exact in float32: what is stored is then
right to the last float32 digit, and any difference is the other side's.
"""

import argparse
import gzip
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

SAMPLES = 8


def exact(value):
    """The nearest float32 as a Python float: the value that a shader gets."""
    return float(np.float32(value))


# Name of a run -> (optimiser, its settings, the steps after which weights are kept).
SGD = {"lr": exact(0.05), "momentum": exact(0.9), "weight_decay": exact(5e-4)}
ADAM = {"lr": exact(1e-3), "betas": (exact(0.9), exact(0.999)), "eps": exact(1e-8), "weight_decay": exact(5e-4)}
RUNS = {
    "sgd": (torch.optim.SGD, SGD, (1, 3)),
    "nesterov": (torch.optim.SGD, SGD | {"nesterov": True}, (3,)),
    "adam": (torch.optim.Adam, ADAM, (3,)),
    "adamw": (torch.optim.AdamW, ADAM | {"weight_decay": exact(1e-2)}, (3,)),
}

# Preset -> activation, (background, foreground), label smoothing, runs.
PRESETS = {
    "lenet5": (torch.nn.ReLU, (exact(-0.1), exact(1.175)), 0.0, ("sgd", "adam", "adamw")),
    "lenet5-keras": (torch.nn.Identity, (0.0, 1.0), exact(0.1), ("nesterov",)),
}


def read_idx(path):
    """The array in an IDX file, compressed or not: magic 00 00 08 <dimensions>, big-endian sizes, bytes."""
    path = path if path.exists() else path.with_name(path.name + ".gz")
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


class LeNet5(torch.nn.Module):
    """Both presets; layers by the names of the weights file."""

    def __init__(self, activation):
        super().__init__()
        self.activation = activation()
        self.c1 = torch.nn.Conv2d(1, 6, 5)
        self.c3 = torch.nn.Conv2d(6, 16, 5)
        self.c5 = torch.nn.Conv2d(16, 120, 5)
        self.f6 = torch.nn.Linear(120, 84)
        self.output = torch.nn.Linear(84, 10)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.activation(self.c1(x)), 2)
        x = torch.nn.functional.max_pool2d(self.activation(self.c3(x)), 2)
        x = self.activation(self.c5(x)).flatten(1)
        return self.output(self.activation(self.f6(x)))


def golden(preset, images, labels):
    """The tensors and metadata of one file."""
    activation, (background, foreground), smoothing, runs = PRESETS[preset]
    x = np.full((len(images), 1, 32, 32), background)
    x[:, 0, 2:30, 2:30] = background + (foreground - background) * images / 255
    x, target = torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)

    torch.manual_seed(1998)
    initial = LeNet5(activation).state_dict()  # drawn in float32
    tensors = {"images": images, "labels": labels.astype(np.int32)}

    def keep(kind, named):
        for name, value in named:
            tensors[f"{kind}.{name}"] = value.detach().numpy().astype(np.float32)

    def fresh():
        model = LeNet5(activation)
        model.load_state_dict(initial)
        return model.double()

    model = fresh()
    logits = model(x)
    loss = criterion(logits, target)
    loss.backward()
    keep("initial", initial.items())
    keep("gradient", ((name, p.grad) for name, p in model.named_parameters()))
    tensors["logits"] = logits.detach().numpy().astype(np.float32)
    tensors["loss"] = loss.detach().numpy().astype(np.float32).reshape(1)

    settings = {"preset": preset, "label_smoothing": smoothing, "torch": torch.__version__.split("+")[0], "runs": {}}
    for run in runs:
        optimizer_class, arguments, kept = RUNS[run]
        model = fresh()
        optimizer = optimizer_class(model.parameters(), **arguments)
        for step in range(1, max(kept) + 1):
            optimizer.zero_grad()
            criterion(model(x), target).backward()
            optimizer.step()
            if step in kept:
                keep(f"{run}.{step}", model.named_parameters())
        settings["runs"][run] = arguments
    # One entry: safetensors keeps several in no fixed order, and the file should be the same bytes each time.
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}, {"settings": json.dumps(settings)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("assets/mnist"), help="folder of IDX files")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("assets/golden"), help="folder to write to")
    options = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order: the same bits each time
    images = read_idx(options.data / "train-images-idx3-ubyte")[:SAMPLES]
    labels = read_idx(options.data / "train-labels-idx1-ubyte")[:SAMPLES]
    options.out.mkdir(parents=True, exist_ok=True)
    for preset in PRESETS:
        tensors, metadata = golden(preset, images, labels)
        path = options.out / f"{preset}_step.safetensors"
        save_file(tensors, path, metadata)
        print(f"{path}: {path.stat().st_size} bytes, loss {tensors['loss'][0]:.6f}")


if __name__ == "__main__":
    main()
