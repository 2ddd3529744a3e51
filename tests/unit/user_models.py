"""Models as a user's file has them, for test_program.py; nothing here is a test."""

import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return (self.conv2(self.norm1(self.conv1(x)).relu()) + x).relu()


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block = Block(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.block(self.stem(x)).amax((2, 3)))


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 4, 1)
        self.three = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 3, padding=1))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(3, 4, 1))
        self.last = nn.Conv2d(12, 2, 3, 2)

    def forward(self, x):
        return self.last(torch.cat([self.one(x), self.three(x), self.pool(x)], 1).relu())


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 8)
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, image, tokens):
        both = self.conv(image).mean((2, 3)) + self.embedding(tokens).mean(1)
        return {"tokens": tokens, "both": both, "none": None}


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 8, 3)
        self.near, self.far = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 2, 3)

    def forward(self, x):
        trunk = self.trunk(x)
        return self.near(trunk), [self.far(trunk), trunk.argmax(1)]


class SharedWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 8)
        self.head = nn.Linear(8, 100, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.embedding(tokens).tanh())


class Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        for _ in range(3):
            x = self.conv(x).relu()
        return x


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.conv(x)
        z = y[:, :2]
        self.relu(y)
        z += 1
        y[:, :, 0] = 0
        return y.flatten(1) @ torch.ones(144, 3) + z.sum()


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(144, 3)
        self.register_buffer("frames", torch.zeros(()))

    def forward(self, x):
        self.frames += 1
        return self.fc(self.conv(x).flatten(1)) / self.frames


class Cache(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.register_buffer("seen", torch.zeros(1, 4, 16))

    def forward(self, x):
        y = self.fc(x)
        self.seen.copy_(y)
        return (self.seen * 2).sum(1)


class Turned(nn.Module):
    """What crosses is not contiguous, and is viewed afterwards."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 4), nn.Linear(24, 2)

    def forward(self, x):
        turned = self.one(x).transpose(1, 2)
        return self.two(turned.transpose(1, 2).view(1, 24)) + turned.softmax(1).sum()


def recurrent():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(16, 8, batch_first=True)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            y, last = self.gru(x)
            return self.attention(y, y, y)[0], last

    return Tagger()


class Branches(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return x + 1


class Random(nn.Module):
    def forward(self, x):
        return x + torch.rand(3)


class Drops(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x * 2, 0.5, training=True)


def raises():
    raise ValueError("no way\nat all")


def number():
    return 3


thing = 5
