"""What the controls say of themselves when pointed at; shared, so that a word means one thing in every lesson."""

HEIGHT = "Height: rows of the input."
WIDTH = "Width: columns of the input."
CHANNELS = "Channels: numbers at each place of the input, such as red, green and blue."
KERNEL = "Cells that the kernel covers along this axis."
STRIDE = "Cells that the window moves from one output to the next; SAME then gives ceil(n / stride) outputs."
STRIDE_W = "The same along the width, where it is to differ from that along the height."
PADDING = "What is added around the input before the kernel slides over it: how many cells, and what they hold."
PAD = "Cells of zeros added at the {side}; they count when padding is explicit."
DILATION = "Cells from one tap of the kernel to the next: 1 leaves no gaps, 2 skips every other cell."
GROUPS = "The channels are cut into so many groups that do not see each other; as many groups as channels is depthwise."
BIAS = "Whether one learnt number for each output channel is added at the end."
TRANSPOSED = "Whether the stride spreads the input apart, so that the output grows, instead of skipping outputs."
FEATURES = "Output channels: how many kernels are learnt, each giving one channel."
MODE = "train: batch norm takes mean and variance of this very input; eval: it takes its running averages."
PATTERN = "What the input shows: numbers drawn with the seed, a ramp, one lit cell, a checkerboard, a picture."
SEED = "Seed of nnx.Rngs, from which the parameters are drawn; a random input is drawn with it too."

PATTERNS = ("random", "ramp", "impulse", "checkerboard", "photo", "upload")
SCENES = ("scene", *PATTERNS)
PADDINGS = ("SAME", "SAME_LOWER", "VALID", "CIRCULAR", "REFLECT", "CAUSAL", "explicit")
