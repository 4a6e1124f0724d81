"""ConvNeXt-T: depthwise 7×7, LayerNorm, GELU, layer scale; every block under ``nnx.remat``. Liu et al. 2022."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array

DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)


class Block(nnx.Module):
    def __init__(self, dim, *, rngs):
        self.dwconv = nnx.Conv(dim, dim, (7, 7), feature_group_count=dim, rngs=rngs)
        self.norm = nnx.LayerNorm(dim, epsilon=1e-6, rngs=rngs)
        self.pwconv1 = nnx.Linear(dim, 4 * dim, rngs=rngs)
        self.pwconv2 = nnx.Linear(4 * dim, dim, rngs=rngs)
        self.gamma = nnx.Param(jnp.full((dim,), 1e-6))

    def __call__(self, x):
        y = self.pwconv2(nnx.gelu(self.pwconv1(self.norm(self.dwconv(x)))))
        return x + self.gamma * y


@nnx.remat
def checkpointed(block, x):
    return block(x)


class ConvNeXt(nnx.Module):
    def __init__(self, classes=1000, *, rngs):
        self.downsample, self.norms, self.stages = nnx.List([]), nnx.List([]), nnx.List([])
        cin = 3
        for i, (depth, dim) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
            patch = (4, 4) if i == 0 else (2, 2)
            # The stem normalises behind its patches, the later stages in front of theirs.
            self.norms.append(nnx.LayerNorm(dim if i == 0 else cin, epsilon=1e-6, rngs=rngs))
            self.downsample.append(nnx.Conv(cin, dim, patch, strides=patch, padding="VALID", rngs=rngs))
            self.stages.append(nnx.List([Block(dim, rngs=rngs) for _ in range(depth)]))
            cin = dim
        self.norm = nnx.LayerNorm(cin, epsilon=1e-6, rngs=rngs)
        self.head = nnx.Linear(cin, classes, rngs=rngs)

    def __call__(self, x):
        for i, blocks in enumerate(self.stages):
            patches, norm = self.downsample[i], self.norms[i]
            x = norm(patches(x)) if i == 0 else patches(norm(x))
            for block in blocks:
                x = checkpointed(block, x)
        return self.head(self.norm(x.mean((-3, -2))))


SPECIMEN = Specimen(abstract(lambda rngs: ConvNeXt(rngs=rngs)), (array(1, 224, 224, 3),))
