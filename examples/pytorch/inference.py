"""How the network of this folder is loaded and asked: SageMaker's PyTorch container calls these."""

import os

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    """Four measurements in, one score for each of three species out."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, rows):
        return self.layers(rows)


def model_fn(model_dir):
    net = Net()
    net.load_state_dict(torch.load(os.path.join(model_dir, "model.pth"), weights_only=True))
    return net.eval()


def predict_fn(data, model):
    if isinstance(data, dict):
        data = data["features"]
    rows = torch.as_tensor(np.atleast_2d(np.asarray(data, dtype="float32")))
    with torch.no_grad():
        return model(rows).softmax(dim=1)
