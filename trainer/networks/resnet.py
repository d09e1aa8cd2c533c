"""ResNets for small images, by depth (He et al. 2016, section 4.2) and width (Zagoruyko, Komodakis 2016).

Three stages of equally many residual blocks, with 16, 32 and 64 channels times the width. Shortcuts that
change size are 1x1 convolutions (option B of the paper), which every engine runs well.
"""

from ..backend import keras
from ..design import RESNET_DEPTH, Design
from . import blocks


def resnet(design: Design, height_px: int, width_px: int, classes: int) -> keras.Model:
    """Builds it; see `networks.build`. Images over 48 px are made smaller first."""
    inputs = blocks.image(height_px, width_px)
    filters = 8 * max(1, round(16 * (design.width or 1) / 8))
    x = blocks.Conv(filters)(blocks.small_enough(inputs), "stem")
    for stage, times in enumerate((1, 2, 4), 1):
        for number in range(1, ((design.depth or RESNET_DEPTH) - 2) // 6 + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = blocks.Residual(times * filters, stride)(x, f"stage{stage}_{number}")
    return blocks.classified(inputs, x, design, classes)
