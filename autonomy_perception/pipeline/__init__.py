"""The whole product without ROS: stages, their order, state, ageing and modes (floor 3).

Start with :class:`autonomy_perception.pipeline.pipeline.Pipeline`.
"""
