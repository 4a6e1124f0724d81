"""Small models, each file a page to read: a class, and for five of them a function that builds and runs it.

=================  ===========================================  =======================
file               class                                        function
=================  ===========================================  =======================
`conv1d`           `MyConv1D` (nnx)                             `conv1d_forward`
`conv2d`           `MyConv2D` (nnx)                             `conv2d_forward`
`conv2d_linen`     `MyConv2D` (Linen)                           `conv2d_linen_forward`
`resnet_block`     `BasicBlock` (nnx)                           `resnet_basic_forward`
`unet`             `ConvBNReLU`, `UNet` (nnx), `max_pool_2x2`   `unet_forward`
`resnet_variants`  `ResidualBlock` (nnx)
`unet_of_depth`    `UNetOfDepth` (nnx)
=================  ===========================================  =======================

Layouts are channels last: (L, C), (H, W, C), (N, H, W, C); kernels are WIO and HWIO.
The classes check nothing: given a size that cannot work, they raise what JAX raises.
The functions check first (`checks`) and raise `shapelab.errors.ShapeError`.
"""
