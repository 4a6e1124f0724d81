"""A speech encoder with several methods: subsampling by convolutions, then a feed-forward, then a projection."""

from flax import nnx

from zoo.specimen import Specimen, abstract, array


class SpeechEncoder(nnx.Module):
    def __init__(self, mels, dim, vocabulary, *, rngs):
        self.sub1 = nnx.Conv(mels, dim, kernel_size=3, strides=2, padding="REFLECT", rngs=rngs)
        self.sub2 = nnx.Conv(dim, dim, kernel_size=3, strides=2, padding="CIRCULAR", rngs=rngs)
        self.norm = nnx.RMSNorm(dim, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.gate = nnx.Linear(dim, 2 * dim, rngs=rngs)
        self.out = nnx.Linear(dim, vocabulary, rngs=rngs)

    def subsample(self, mels):
        return nnx.relu(self.sub2(nnx.relu(self.sub1(mels))))

    def feed_forward(self, x):
        return x + self.dropout(nnx.glu(self.gate(self.norm(x))))

    def classify(self, x):
        return nnx.log_softmax(self.out(x))

    def __call__(self, mels):
        features = self.feed_forward(self.subsample(mels))
        return self.classify(features), features


SPECIMEN = Specimen(abstract(lambda rngs: SpeechEncoder(40, 32, 29, rngs=rngs)), (array(2, 64, 40),))
