"""LeNet-5 in tinygrad; the variable DEV says on which device."""
from timing import arguments, measure

import numpy as np
from tinygrad import Device, Tensor, TinyJit, nn
from tinygrad.helpers import Context

from mnist import load


class LeNet5:
    def __init__(self):
        self.c1, self.c3 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.c5, self.f6, self.output = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def __call__(self, x):
        x = self.c1(x).relu().max_pool2d(2)
        x = self.c3(x).relu().max_pool2d(2).flatten(1)
        return self.output(self.f6(self.c5(x).relu()).relu())


def main():
    args = arguments(["default"])
    images, labels = load()
    labels = labels.astype(np.int32)
    model = LeNet5()
    parameters = nn.state.get_parameters(model)
    assert sum(p.numel() for p in parameters) == 61_706
    optimizer = nn.optim.SGD(parameters, lr=0.01, momentum=0.9)

    @TinyJit
    def train(x, y):
        optimizer.zero_grad()
        loss = model(x).sparse_categorical_crossentropy(y).backward()
        return loss.realize(*optimizer.schedule_step())

    @TinyJit
    def evaluate(x, y):
        return (model(x).argmax(1) == y).sum().realize()

    random = np.random.default_rng(1)
    order, at = random.permutation(len(labels)), 0
    step = train if args.phase == "train" else evaluate

    def steps(count):
        nonlocal order, at
        result = None
        for _ in range(count):
            if at + args.batch > len(labels):
                order, at = random.permutation(len(labels)), 0
            rows = order[at:at + args.batch]
            at += args.batch
            result = step(Tensor(images[rows]).realize(), Tensor(labels[rows]).realize())
        # Waits for the device.
        result.item()

    with Context(TRAINING=int(args.phase == "train")):
        measure(f"tinygrad 0.14 {Device.DEFAULT}", args, steps)


main()
