"""The lessons: what can be set in each, within which bounds, and which module it runs. Imports no jax."""

from shapelab.lessons.base import Config, Lesson, Limits, bounded, choice
from shapelab.lessons.conv1d import CONV1D
from shapelab.lessons.conv2d import CONV2D
from shapelab.lessons.resnet import RESNET
from shapelab.lessons.unet import UNET

LESSONS: dict[str, Lesson] = {lesson.name: lesson for lesson in (CONV1D, CONV2D, RESNET, UNET)}

__all__ = ["LESSONS", "Config", "Lesson", "Limits", "bounded", "choice"]
