"""IResNet as users of PyTorch write it: the peers' network."""

import torch
from torch import nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 200: (6, 26, 60, 6)}


class Block(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.path = nn.Sequential(
            nn.BatchNorm2d(inner),
            nn.Conv2d(inner, outer, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.PReLU(outer),
            nn.Conv2d(outer, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inner != outer:
            self.shortcut = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x):
        return self.path(x) + self.shortcut(x)


class Network(nn.Module):
    """IResNet for images of 112 x 112."""

    def __init__(self, depth, width, dim=512):
        super().__init__()
        inner = int(64 * width)
        layers = [nn.Conv2d(3, inner, 3, 1, 1, bias=False), nn.BatchNorm2d(inner), nn.PReLU(inner)]
        for stage, blocks in enumerate(BLOCKS[depth]):
            for block in range(blocks):
                outer = int(64 * width) * 2**stage
                layers.append(Block(inner, outer, 2 if block == 0 else 1))
                inner = outer
        self.body = nn.Sequential(*layers, nn.BatchNorm2d(inner))
        self.linear = nn.Linear(inner * 49, dim)
        self.features = nn.BatchNorm1d(dim)

    def forward(self, images, dtype=torch.float32):
        with torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32):
            x = self.body(images).flatten(1)
        return self.features(self.linear(x.float()))
