"""Python face of kernels/ (floor 1): one module per operation, one rule for the device.

What a stranger imports: ``ops.Ops`` (all operations on one device), or an operation's own module with a ``library.Library``.
"""
