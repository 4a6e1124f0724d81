"""The mistakes made in a residual block. Imports no jax."""

from shapelab.pitfalls.records import Pitfall

RESIDUAL = (
    Pitfall(
        name="no_skip",
        title="No skip",
        group="residual",
        why=(
            "Without x in the sum the block is two plain convolutions. Nothing carries x past them, and the gradient "
            "has no short way back: what the block is for is gone."
        ),
        see="Set the second norm's scale to zero: a residual block then gives x back, this one gives zeros.",
        hides="Always: the shapes agree and nothing is raised. Only values, and training that stalls with depth, tell.",
        given="block_and_input",
        wrong="branch_alone",
        right="branch_and_skip",
        settings=({"C": 4},),
    ),
    Pitfall(
        name="relu_before_addition",
        title="ReLU before the addition",
        group="residual",
        why=(
            "The sum comes first, then the ReLU. The other way round the branch can only add to x and never take "
            "away, so values grow from block to block."
        ),
        see="Compare the means below. Where x is not negative, no value of the wrong output is below its x.",
        hides="Always: the shapes agree and nothing is raised.",
        given="block_and_input",
        wrong="relu_then_addition",
        right="branch_and_skip",
        settings=({"C": 4},),
    ),
    Pitfall(
        name="unequal_channels",
        title="Unequal channels in the addition",
        group="residual",
        why=(
            "x has C channels, the branch has other features. They cannot be added; a 1x1 convolution on the skip, the "
            "projection, brings x to the same channels."
        ),
        see="The message names both shapes: they differ in the last number alone.",
        hides=(
            "With one channel, broadcasting adds it to every feature: right shape, no error, and a skip that was never "
            "learned."
        ),
        given="widths",
        wrong="added_as_they_are",
        right="projected_first",
        settings=({"C": 3, "features": 8}, {"C": 1, "features": 8}),
    ),
    Pitfall(
        name="valid_in_block",
        title="VALID in the block",
        group="residual",
        why=(
            "Without padding each 3x3 convolution takes two rows and two columns away. The branch comes out four cells "
            "smaller than x, and the two cannot be added."
        ),
        see="The message names both shapes: height and width differ by 4, two for each convolution.",
        hides=(
            "At 5x5 the branch is one cell, and broadcasting adds it to all of x: right shape, no error, wrong values."
        ),
        given="square",
        wrong="convolved_valid",
        right="convolved_same",
        settings=({"H": 8}, {"H": 5}),
    ),
)
