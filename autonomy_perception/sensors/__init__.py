"""Messages become frames: collecting, decoding, deskewing, masking, ego motion, calibration (floor 2).

What a stranger imports: ``frontend.SensorFrontEnd`` (events in, ``SensorFrame``s out, faults named and never raised). The
parts behind it serve alone as well: ``cloud`` and ``image`` (layouts), ``tf.TfBuffer``, ``collector.Collector`` (a pure function
of event and time), ``odometry`` and ``dead_reckoning``, ``trailer``.
"""
