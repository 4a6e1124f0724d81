"""The mistakes made in a U-Net. Imports no jax."""

from shapelab.pitfalls.records import Pitfall

UNET = (
    Pitfall(
        name="decoder_for_f",
        title="Decoder built for f, not 2·f",
        group="unet",
        why="A join has the channels of both sides, f upsampled and f of the skip: the next layer must expect 2·f.",
        see="The message compares 2·f with f: the number on the left is twice the one on the right.",
        hides="Linen layers read the channels off their first input, so the mistake cannot be made there.",
        given="join",
        wrong="decoder_for_f",
        right="decoder_for_2f",
        settings=({"f": 4},),
    ),
    Pitfall(
        name="concatenate_on_axis_0",
        title="Concatenation on axis 0",
        group="unet",
        why=(
            "axis=0 is the batch. The join puts the skip behind the upsampled image as a second image: twice the "
            "batch, the same channels."
        ),
        see="The first number of the shape doubles, the last one does not. Channels are axis -1.",
        hides="A decoder that takes its width from its input runs on, as here. One built for 2·f refuses the join.",
        given="join",
        wrong="joined_along_batch",
        right="joined_along_channels",
        settings=({"f": 4},),
    ),
    Pitfall(
        name="join_in_other_order",
        title="Skip in front of the upsampled",
        group="unet",
        why=(
            "Both orders have the same shape, but the decoder's kernel knows the channels by their place. Trained "
            "with one order and run with the other, it reads each half as the other."
        ),
        see="Shapes agree. Weights from elsewhere give other values: look up on which side their code puts the skip.",
        hides="Trained from scratch either order is as good.",
        given="join",
        wrong="skip_in_front",
        right="decoder_for_2f",
        settings=({"f": 4},),
    ),
    Pitfall(
        name="skip_of_wrong_stage",
        title="The skip of the wrong stage",
        group="unet",
        why=(
            "The way up meets the stages in reverse: the skip kept last is needed first. pop(0) gives the first one, "
            "twice as high and wide as what it meets."
        ),
        see="The message names both shapes: one is twice the other in height and width.",
        hides="Where two levels have the same size, nothing is raised and the wrong values join.",
        given="network",
        wrong="oldest_skip",
        right="latest_skip",
        settings=({"H": 8},),
    ),
    Pitfall(
        name="no_pooling",
        title="No pooling on the way down",
        group="unet",
        why=(
            "Every upsampling doubles, so every level must halve first. Without pooling the first upsampling gives "
            "twice the height and width of its skip."
        ),
        see="The first join fails with one shape twice the other. Count poolings and upsamplings: as many of each.",
        given="network",
        wrong="never_pooled",
        right="pooled_twice",
        settings=({"H": 8},),
    ),
    Pitfall(
        name="transposed_kernel_3",
        title="Transposed convolution, kernel 3",
        group="unet",
        why=(
            "With VALID a kernel of k at stride 2 gives 2·H + k − 2 cells: one too many for k = 3. With SAME the size "
            "is right, but windows overlap, and cells get one, two or four contributions."
        ),
        see=(
            "Input and kernel are ones here, so a value counts its contributions: from 1 to 4 with kernel 3, always 1 "
            "with kernel 2. In images it shows as a checkerboard."
        ),
        hides="With SAME: right shape, no error.",
        given="low_and_high",
        wrong="up_by_kernel_3",
        right="up_by_kernel_2",
        settings=({"H": 4, "padding": "VALID"}, {"H": 4, "padding": "SAME"}),
    ),
    Pitfall(
        name="transposed_stride_1",
        title="Transposed convolution, stride 1",
        group="unet",
        why=(
            "What doubles is the stride, not the transposing. strides is 1 unless it is given: the output then has "
            "H + 1 cells with VALID and H with SAME."
        ),
        see="The join fails with sizes that are nearly the smaller one. Print the shape behind the upsampling.",
        hides="On a single cell: 1 + 1 is 2 as well.",
        given="low_and_high",
        wrong="up_by_stride_1",
        right="up_by_kernel_2",
        settings=({"H": 4, "padding": "VALID"}, {"H": 4, "padding": "SAME"}, {"H": 1, "padding": "VALID"}),
    ),
)
