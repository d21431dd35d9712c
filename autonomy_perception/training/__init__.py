"""Training of the BEV networks on samples, judged on samples kept aside (floor 5; torch only here and in networks/).

What a stranger imports: ``config.TrainConfig`` and ``config.load_config`` (what a run consists of), ``loop.train``, ``judge.judge`` (a
trained network beside a trivial predictor and bare geometry), ``samples.SampleStore`` (the one place that knows how samples lie in files),
``checkpoint.load_network``.

The loop is plain torch, not Lightning: a run that resumes with the same bytes has to own every draw and every step itself.
"""
