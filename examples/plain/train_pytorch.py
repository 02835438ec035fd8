"""A built-in model's training as one plain PyTorch script, to compare trainshed's with.

`python train_pytorch.py --model cnn`: digits; lstm and cnn_lstm take `--data clips.npz`.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Attention(nn.Module):
    def __init__(self, channels, heads, places):
        super().__init__()
        self.places = nn.Parameter(0.02 * torch.randn(places, channels))
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2) + self.places
        normed = self.norm(x)
        return (x + self.attention(normed, normed, normed, need_weights=False)[0]).mean(1)


class Recurrent(nn.Module):
    def __init__(self, encoder, features, classes):
        super().__init__()
        self.encoder = encoder
        self.lstm = nn.LSTM(features, 128, batch_first=True)
        self.head = nn.Linear(128, classes)

    def forward(self, x):
        frames = self.encoder(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.head(self.lstm(frames)[0][:, -1])


def blocks(depth, channels, norm):
    layers = []
    for width in channels:
        layers += [nn.Conv2d(depth, width, 3, padding=1, bias=False), norm(width)]
        layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        depth = width
    return nn.Sequential(*layers)


def build(name, shape, classes):
    depth, height, width = shape[-3:]
    quarter = (height // 4) * (width // 4)
    if name == "lstm":
        return Recurrent(nn.Flatten(), depth * height * width, classes)
    if name == "cnn_lstm":
        encoder = blocks(depth, (16, 32), nn.BatchNorm2d)
        encoder = nn.Sequential(encoder, nn.Flatten(), nn.Linear(32 * quarter, 64))
        return Recurrent(encoder, 64, classes)
    if name == "cnn":
        body = nn.Sequential(blocks(depth, (32, 64), nn.BatchNorm2d), nn.Flatten())
        features = 64 * quarter
    else:
        body = nn.Sequential(blocks(depth, (32, 64), ChannelNorm), Attention(64, 4, quarter))
        features = 64
    head = (nn.Linear(features, 128), nn.ReLU(inplace=True), nn.Linear(128, classes))
    return nn.Sequential(body, *head)


def digits():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    x, y = found.images[:, None].astype("float32"), found.target
    x, held_x, y, held_y = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    mean, deviation = x.mean(), x.std()
    return (x - mean) / deviation, y, (held_x - mean) / deviation, held_y


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--data", help="npz of x, y, held_x, held_y; else scikit-learn's digits")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    torch.manual_seed(asked.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    arrays = np.load(asked.data).values() if asked.data else digits()
    x, y, held_x, held_y = (torch.from_numpy(each).to(device) for each in arrays)
    model = build(asked.model, x.shape[1:], len(y.unique()))
    model = model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def step(numbers):
        loss = nn.functional.cross_entropy(model(x[numbers]), y[numbers])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def epoch():
        for numbers in torch.randperm(len(x), device=device).split(asked.batch_size):
            loss = step(numbers)
        return loss.item()  # waits for the device

    step(torch.arange(asked.batch_size, device=device)).item()
    first_step = time.time()
    epoch()
    began = time.perf_counter()
    for _ in range(asked.epochs - 1):
        epoch()
    seconds = time.perf_counter() - began

    model.eval()
    with torch.inference_mode():
        accuracy = (model(held_x).argmax(1) == held_y).float().mean().item()
    samples = len(x) * (asked.epochs - 1)
    found = {"samples": samples, "seconds": seconds, "samples_per_second": samples / seconds}
    print(json.dumps({**found, "accuracy": accuracy, "first_step_time": first_step}))


if __name__ == "__main__":
    main()
