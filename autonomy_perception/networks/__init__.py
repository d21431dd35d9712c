"""The BEV networks as torch modules, and their way to ONNX (floor 5; torch only here and in training/).

What a stranger imports: ``config.NetworkConfig`` and ``config.SIZES`` (what a network is, without torch), ``layout.Layout`` (names
and shapes of every input and output, without torch), ``bev_net.BevNet`` (the module), ``export.export_onnx`` (ONNX Runtime held
against torch, numbers in a JSON file beside).

What feeds a network and reads its outputs lies outside the graph: nothing in it scatters or has a shape that depends on data.
"""
