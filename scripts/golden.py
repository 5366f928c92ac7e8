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
import tomllib

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


def read_idx(path):
    """The array in an IDX file, compressed or not: magic 00 00 08 <dimensions>, big-endian sizes, bytes."""
    path = path if path.exists() else path.with_name(path.name + ".gz")
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


class LeNet5(torch.nn.Module):
    """The presets with max-pooling; layers by the names of the weights file."""

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


# Table I of the 1998 paper: the maps of S2 that each map of C3 takes.
LINKS = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345".split()


class SubSampling(torch.nn.Module):
    """The sum of each 2x2 window, times a coefficient per map, plus a bias."""

    def __init__(self, maps):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(maps))
        self.bias = torch.nn.Parameter(torch.empty(maps))

    def forward(self, x):
        each = (1, -1, 1, 1)
        return 4 * torch.nn.functional.avg_pool2d(x, 2) * self.weight.view(each) + self.bias.view(each)


class Distances(torch.nn.Module):
    """Minus the squared distance to each code."""

    def __init__(self, codes):
        super().__init__()
        self.register_buffer("weight", codes)

    def forward(self, x):
        return -(x[:, None, :] - self.weight).pow(2).sum(2)


class LeNet51998(torch.nn.Module):
    """The network of the 1998 paper; codes and j are those of the preset's file."""

    def __init__(self):
        super().__init__()
        file = pathlib.Path(__file__).parent.parent / "assets" / "models" / "lenet5-1998.toml"
        description = tomllib.loads(file.read_text())
        rows = [line.split() for line in description["layers"][-1]["codes"]]
        drawn = ["".join(row[digit] for row in rows) for digit in range(10)]
        codes = torch.tensor([[1.0 if bit == "#" else -1.0 for bit in code] for code in drawn])
        self.j = exact(description["loss"]["map"]["j"])
        self.c1 = torch.nn.Conv2d(1, 6, 5)
        self.s2 = SubSampling(6)
        self.c3 = torch.nn.Conv2d(6, 16, 5)
        self.s4 = SubSampling(16)
        self.c5 = torch.nn.Conv2d(16, 120, 5)
        self.f6 = torch.nn.Linear(120, 84)
        self.output = Distances(codes)
        table = torch.tensor([[float(str(source) in sources) for source in range(6)] for sources in LINKS])
        self.table = table[:, :, None, None]
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5, self.f6):
            inputs = torch.full(layer.bias.shape, 4.0 if layer.weight.dim() == 1 else float(layer.weight[0].numel()))
            if layer is self.c3:
                inputs = 25 * table.sum(1)
            for parameter in (layer.weight, layer.bias):
                bound = (2.4 / inputs).view(-1, *[1] * (parameter.dim() - 1))
                parameter.data = bound * (2 * torch.rand(parameter.shape) - 1)
        self.c3.weight.data *= self.table

    def forward(self, x):
        def squash(a):
            return 1.7159 * torch.tanh(2 * a / 3)

        x = squash(self.s2(squash(self.c1(x))))
        x = torch.nn.functional.conv2d(x, self.c3.weight * self.table.to(x.dtype), self.c3.bias)
        x = squash(self.s4(squash(x)))
        return self.output(squash(self.f6(squash(self.c5(x)).flatten(1))))

    def loss(self, logits, target):
        """Equation 9 of the paper, per unit of F6."""
        distances = -logits
        rubbish = torch.full((len(logits), 1), -self.j, dtype=logits.dtype)
        others = torch.logsumexp(torch.cat((rubbish, -distances), 1), 1)
        return (distances.gather(1, target[:, None])[:, 0] + others).mean() * exact(1 / 84)


# Preset -> network, (background, foreground), label smoothing, runs.
PAPER = (exact(-0.1), exact(1.175))
PRESETS = {
    "lenet5": (lambda: LeNet5(torch.nn.ReLU), PAPER, 0.0, ("sgd", "adam", "adamw")),
    "lenet5-keras": (lambda: LeNet5(torch.nn.Identity), (0.0, 1.0), exact(0.1), ("nesterov",)),
    "lenet5-1998": (LeNet51998, PAPER, 0.0, ("sgd", "adamw")),
}


def golden(preset, images, labels):
    """The tensors and metadata of one file."""
    network, (background, foreground), smoothing, runs = PRESETS[preset]
    x = np.full((len(images), 1, 32, 32), background)
    x[:, 0, 2:30, 2:30] = background + (foreground - background) * images / 255
    x, target = torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))

    torch.manual_seed(1998)
    initial = network().state_dict()  # drawn in float32
    tensors = {"images": images, "labels": labels.astype(np.int32)}

    def keep(kind, named):
        for name, value in named:
            tensors[f"{kind}.{name}"] = value.detach().numpy().astype(np.float32)

    def fresh():
        model = network()
        model.load_state_dict(initial)
        return model.double()

    model = fresh()
    criterion = getattr(model, "loss", torch.nn.CrossEntropyLoss(label_smoothing=smoothing))
    # What is not trained: the codes.
    fixed = list(model.named_buffers())
    logits = model(x)
    loss = criterion(logits, target)
    loss.backward()
    keep("initial", initial.items())
    keep("gradient", ((name, p.grad) for name, p in model.named_parameters()))
    keep("gradient", ((name, torch.zeros_like(code)) for name, code in fixed))
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
                keep(f"{run}.{step}", [*model.named_parameters(), *fixed])
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
