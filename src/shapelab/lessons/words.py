"""What the controls say of themselves when pointed at; shared, so that a word means one thing in every lesson."""

HEIGHT = "Height: rows of the input."
WIDTH = "Width: columns of the input."
CHANNELS = "Channels: numbers at each place of the input, such as red, green and blue."
KERNEL = "Cells that the kernel covers along this axis."
STRIDE = "Cells that the window moves from one output to the next; SAME then gives ceil(n / stride) outputs."
FEATURES = "Output channels: how many kernels are learnt, each giving one channel."
SEED = "Seed of nnx.Rngs, from which the parameters are drawn; the input is drawn with it too."
