"""MNIST as the Python peers take it: float32 images of 32x32 and int64 labels, in memory."""
import gzip
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "assets" / "mnist"


def load(half="train", levels=(0.0, 1.0)):
    """(N x 1 x 32 x 32 float32, N int64): the images of a half, each centred in 32x32, with bytes 0 and 255 as `levels`."""
    with gzip.open(FOLDER / f"{half}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(FOLDER / f"{half}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    low, high = map(np.float32, levels)
    padded = np.full((len(images), 1, 32, 32), low, np.float32)
    padded[:, :, 2:30, 2:30] = low + images * ((high - low) / np.float32(255))
    return padded, labels
