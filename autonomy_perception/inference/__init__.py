"""Networks run by ONNX Runtime, OpenVINO or TensorRT, and nothing else does (floor 1).

What a stranger imports: ``opening.open_engine`` (a model by name, checked, on the runtime that the rule chooses),
``engine.Engine`` (named arrays in, named arrays out), ``shipping.ship`` (manifest and golden file for an export),
``tensorrt_build.compile_plan``, and ``errors`` for what can go wrong.
"""
