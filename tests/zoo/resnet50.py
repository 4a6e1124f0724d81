"""ResNet-50 as torchvision builds it (v1.5: the 3×3 convolution carries the stride). He et al. 2015, table 1."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Bottleneck(nnx.Module):
    def __init__(self, cin, width, stride, *, rngs):
        def conv(cin, cout, kernel, stride=1):
            return nnx.Conv(cin, cout, (kernel, kernel), strides=stride, use_bias=False, rngs=rngs)

        def norm(features):
            return nnx.BatchNorm(features, use_running_average=True, rngs=rngs)

        cout = 4 * width
        self.conv1, self.bn1 = conv(cin, width, 1), norm(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), norm(width)
        self.conv3, self.bn3 = conv(width, cout, 1), norm(cout)
        changes = stride != 1 or cin != cout
        self.downsample = nnx.Sequential(conv(cin, cout, 1, stride), norm(cout)) if changes else None

    def __call__(self, x):
        y = nnx.relu(self.bn1(self.conv1(x)))
        y = nnx.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        skip = x if self.downsample is None else self.downsample(x)
        return nnx.relu(y + skip)


class ResNet50(nnx.Module):
    def __init__(self, classes=1000, *, rngs):
        self.stem = nnx.Conv(3, 64, (7, 7), strides=2, use_bias=False, rngs=rngs)
        self.bn = nnx.BatchNorm(64, use_running_average=True, rngs=rngs)
        cin, blocks = 64, []
        for width, depth, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for i in range(depth):
                blocks.append(Bottleneck(cin, width, stride if i == 0 else 1, rngs=rngs))
                cin = 4 * width
        self.blocks = nnx.List(blocks)
        self.fc = nnx.Linear(cin, classes, rngs=rngs)

    def __call__(self, images):
        x = nnx.relu(self.bn(self.stem(images)))
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")
        for block in self.blocks:
            x = block(x)
        return self.fc(jnp.mean(x, axis=(1, 2)))


SPECIMEN = Specimen(abstract(lambda rngs: ResNet50(rngs=rngs)), (array(1, 224, 224, 3),))
