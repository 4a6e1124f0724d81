"""An LSTM over a sequence and a GRU both ways above it, with flax's own cells and loops."""

from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Recurrent(nnx.Module):
    def __init__(self, features, hidden, *, rngs):
        self.lstm = nnx.RNN(nnx.LSTMCell(features, hidden, rngs=rngs))
        self.gru = nnx.Bidirectional(
            nnx.RNN(nnx.GRUCell(hidden, hidden, rngs=rngs)), nnx.RNN(nnx.GRUCell(hidden, hidden, rngs=rngs))
        )
        self.out = nnx.Linear(2 * hidden, 3, rngs=rngs)

    def __call__(self, sequence):
        return self.out(self.gru(self.lstm(sequence)))


SPECIMEN = Specimen(abstract(lambda rngs: Recurrent(5, 7, rngs=rngs)), (array(2, 11, 5),))
