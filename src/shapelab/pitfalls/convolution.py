"""The mistakes made around one convolution. Imports no jax."""

from shapelab.pitfalls.records import Pitfall

CONVOLUTION = (
    Pitfall(
        name="kernel_in_oihw",
        title="Kernel in OIHW",
        group="convolution",
        why=(
            "PyTorch stores a kernel as (features, C, height, width), OIHW. Flax and the dimension numbers beside it "
            "want HWIO. Read in the wrong order, every axis of the kernel means something else."
        ),
        see=(
            "Print kernel.shape next to the dimension numbers: the last axis must be the features, the last but one "
            "the channels of the input."
        ),
        hides=(
            "With features, C, height and width all 3, every axis fits: the shape is right and every value is wrong. "
            "With 3 channels and a 3x3 kernel the wrong order still runs, and gives 3 features instead of 4."
        ),
        given="image_and_weight",
        wrong="weight_as_stored",
        right="weight_turned",
        settings=({"C": 3, "features": 4}, {"C": 1, "features": 4}, {"C": 3, "features": 3}),
    ),
    Pitfall(
        name="no_batch_axis",
        title="No batch axis",
        group="convolution",
        why=(
            "lax.conv_general_dilated takes batches, (N, H, W, C), and nothing else. A single image has three axes "
            "where the kernel has four."
        ),
        see="The two numbers in the message are counts of axes, 3 and 4, not sizes. x.ndim must be 4 for a 2-D image.",
        hides=(
            "The layers of flax (nnx.Conv, nn.Conv) add the axis and take it away again, so the mistake first shows "
            "when such a layer is written out with lax."
        ),
        given="one_image",
        wrong="image_alone",
        right="image_as_batch",
        settings=({"H": 7},),
        layout=("H", "W", "C"),
        reads=("H", "W", "C"),
    ),
    Pitfall(
        name="size_rounded_down",
        title="H // stride as the output size",
        group="convolution",
        why=(
            "SAME gives ceil(H / stride) cells. Padding worked out for H // stride cells is too small when the "
            "division leaves a remainder: the last window does not fit, and a row and a column go missing."
        ),
        see="No error is raised. Compare the output's height with -(-H // stride) for an odd H.",
        hides="Where stride divides H, rounding down and up are the same: an even image at stride 2 shows nothing.",
        given="square_and_kernel",
        wrong="rounded_down",
        right="rounded_up",
        settings=({"H": 7, "stride": 2}, {"H": 8, "stride": 2}, {"H": 8, "stride": 3}),
    ),
    Pitfall(
        name="same_for_padding_1",
        title="SAME for PyTorch's padding=1",
        group="convolution",
        why=(
            "padding=1 puts a cell on every side. SAME pads only what the output size needs: at stride 2 and an even "
            "height that is nothing above and one row below, so every window stands one cell lower and further right."
        ),
        see=(
            "The shapes agree. Weights carried over from PyTorch give other values; trace both and compare the "
            "padding, (0, 1) against (1, 1)."
        ),
        hides="At stride 1, or stride 2 on an odd height and width, a 3x3 kernel gets (1, 1) from both.",
        given="square_and_kernel",
        wrong="same_string",
        right="padding_of_one",
        settings=({"H": 8, "stride": 2}, {"H": 7, "stride": 2}, {"H": 8, "stride": 1}),
    ),
    Pitfall(
        name="bare_param",
        title="The bare nnx.Param",
        group="convolution",
        why=(
            "conv.kernel is an nnx.Param, a box around an array. Functions of lax want the array itself, which "
            "conv.kernel[...] takes out."
        ),
        see="The message speaks of __jax_array__ and of no shape. Look for a Param given to lax without [...].",
        hides="In plain arithmetic such as conv.kernel * 2 a Param stands in for its array, and no error comes.",
        given="layer",
        wrong="param_itself",
        right="array_of_param",
        settings=({"features": 4},),
    ),
    Pitfall(
        name="floats_not_cast",
        title="Floats not cast to int",
        group="convolution",
        why=(
            "Numbers from a form, a JSON file or a division are floats. A shape wants ints: 4.0 features are refused "
            "when the kernel is drawn, a stride of 2.0 only when the layer is called."
        ),
        see="Look for 4.0 in the message, or for the word float. Cast once, where the number comes in.",
        hides="A whole number of type int works, so code that was only tried with literals looks right.",
        given="numbers",
        wrong="as_they_come",
        right="cast_to_int",
        settings=(
            {"features": 4.0, "stride": 2},
            {"features": 4, "stride": 2.0},
            {"features": 4, "stride": 2},
        ),
    ),
)
