"""Python face of kernels/ (floor 1): one module per operation, one dispatch rule (:class:`~.ops.Ops`)."""
