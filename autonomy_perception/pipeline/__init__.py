"""The whole product without ROS: stages, their order, state, ageing and modes (floor 3).

What a stranger imports: ``build.make_pipeline`` (a pipeline of named stages), ``pipeline.Pipeline`` (``step``, ``tick``,
``reset``, ``save``, ``load``), ``stage.Stage`` and its keys to write one more, ``digest.Digest`` (are two runs the same?).
"""
