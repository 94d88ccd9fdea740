"""Trains the network on made-up clusters and writes model.tar.gz: train.py FOLDER."""

import sys
import tarfile
from pathlib import Path

import torch
from inference import Net
from torch import nn

ROWS_PER_CLASS = 50
STEPS = 200


def train() -> Net:
    torch.manual_seed(0)
    centres = torch.tensor([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
    labels = torch.arange(3).repeat_interleave(ROWS_PER_CLASS)
    rows = centres[labels] + 0.3 * torch.randn(3 * ROWS_PER_CLASS, 4)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(rows), labels).backward()
        optimizer.step()
    return net


def main(folder: Path) -> None:
    torch.save(train().state_dict(), folder / "model.pth")
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(folder / "model.pth", "model.pth")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
