"""A small C3D: convolutions and pools over time, height and width. Tran et al. 2014."""

from flax import nnx

from zoo.specimen import Specimen, abstract, array


class VideoNet(nnx.Module):
    def __init__(self, classes=5, *, rngs):
        self.conv1 = nnx.Conv(3, 8, kernel_size=(3, 3, 3), rngs=rngs)
        self.conv2 = nnx.Conv(8, 16, kernel_size=(3, 5, 5), strides=(1, 2, 2), rngs=rngs)
        self.head = nnx.Linear(16 * 4 * 4 * 3, classes, rngs=rngs)

    def __call__(self, clip):
        x = nnx.relu(self.conv1(clip))
        x = nnx.max_pool(x, (1, 2, 2), strides=(1, 2, 2))
        x = nnx.relu(self.conv2(x))
        x = nnx.avg_pool(x, (2, 2, 2), strides=(2, 2, 2), padding="SAME", count_include_pad=False)
        return self.head(x.reshape((x.shape[0], -1)))


SPECIMEN = Specimen(abstract(lambda rngs: VideoNet(rngs=rngs)), (array(2, 8, 32, 24, 3),))
