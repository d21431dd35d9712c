"""The codecs of :mod:`autonomy_perception.messages` with rclpy's message classes."""

from __future__ import annotations

import array
import functools
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.messages import maps, parts, sensors_out, status
from autonomy_perception.nodes.qos import message_class

_class = functools.cache(message_class)


class RosClasses:
    """Generated message classes; see :class:`autonomy_perception.messages.classes.Classes`."""

    def make(self, msgtype: str, **fields: Any) -> Any:
        """A message.

        Raises:
            ModuleNotFoundError: its package is not installed.
            AttributeError: its definition has no field of a given name.
        """
        out = _class(msgtype)()
        for name, value in fields.items():  # the constructor would copy arrays element by element, and take any name
            setattr(out, name, value)
        return out

    def sequence(self, values: NDArray[Any]) -> array.array[Any]:
        """``array.array`` in one copy: a NumPy array would be checked element by element, 100 ms for a megabyte."""
        out = array.array(values.dtype.char)
        out.frombytes(np.ascontiguousarray(values).view(np.uint8).data)
        return out


ROS = RosClasses()

to_time = partial(parts.time, ROS)
published_occupancy = partial(maps.published_occupancy, ROS)
published_terrain = partial(maps.published_terrain, ROS)
perception_status = partial(status.perception_status, ROS)
cloud = partial(sensors_out.cloud, ROS)
image = partial(sensors_out.image, ROS)
