"""What stands on the ground becomes boxes: clusters, oriented boxes, class guesses, existence (floor 2).

What a stranger imports: ``clusters.ClusterDetector`` (labelled points in, ``Detections`` out).
"""
