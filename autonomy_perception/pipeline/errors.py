"""What is wrong with a pipeline or its saved state."""


class PipelineError(ValueError):
    """Stages that do not fit together, or a saved state that does not fit them; the message names which."""
