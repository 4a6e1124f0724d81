"""MobileNetV2 at width 1: inverted residuals in an ``nnx.Sequential``. Sandler et al. 2018, table 2."""

from functools import partial

from flax import nnx

from zoo.specimen import Specimen, abstract, array

# expansion, channels, repeats, stride
TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class ConvNormAct(nnx.Module):
    def __init__(self, cin, cout, kernel=3, stride=1, groups=1, act=nnx.relu6, *, rngs):
        self.conv = nnx.Conv(
            cin, cout, (kernel,) * 2, strides=stride, feature_group_count=groups, use_bias=False, rngs=rngs
        )
        self.norm = nnx.BatchNorm(cout, use_running_average=True, rngs=rngs)
        self.act = act

    def __call__(self, x):
        x = self.norm(self.conv(x))
        return x if self.act is None else self.act(x)


class InvertedResidual(nnx.Module):
    def __init__(self, cin, cout, stride, expansion, *, rngs):
        hidden = cin * expansion
        layer = partial(ConvNormAct, rngs=rngs)
        expand = [] if expansion == 1 else [layer(cin, hidden, kernel=1)]
        depthwise = layer(hidden, hidden, stride=stride, groups=hidden)
        self.body = nnx.Sequential(*expand, depthwise, layer(hidden, cout, kernel=1, act=None))
        self.residual = stride == 1 and cin == cout

    def __call__(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def mobilenet_v2(rngs, classes=1000):
    layers, cin = [ConvNormAct(3, 32, stride=2, rngs=rngs)], 32
    for expansion, cout, repeats, stride in TABLE:
        for i in range(repeats):
            layers.append(InvertedResidual(cin, cout, stride if i == 0 else 1, expansion, rngs=rngs))
            cin = cout
    layers.append(ConvNormAct(cin, 1280, kernel=1, rngs=rngs))
    pool = partial(nnx.avg_pool, window_shape=(7, 7))
    return nnx.Sequential(*layers, pool, lambda x: x.reshape(x.shape[0], -1), nnx.Linear(1280, classes, rngs=rngs))


# The outermost container is flax's own: what it calls directly has no line here.
SPECIMEN = Specimen(
    abstract(mobilenet_v2), (array(1, 224, 224, 3),), called_by_flax=frozenset({"avg_pool", "layers.21"})
)
