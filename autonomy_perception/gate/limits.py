"""How much worse than its baseline a drive may be: the one table; a baseline file may override every entry."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from autonomy_perception.metrics.golden_tolerance import TOLERANCES, Tolerance


class FieldLimit(BaseModel):
    """Tolerance of one output field: |new - old| <= absolute + relative * |old|."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    absolute: float = Field(0.0, ge=0)
    relative: float = Field(0.0, ge=0)


class Limits(BaseModel):
    """Limits of all checks."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    accuracy_absolute: float = Field(0.02, ge=0, description="a figure may be worse by so much [its unit]")
    accuracy_relative: float = Field(0.05, ge=0, description="and by this share of its value in the baseline")
    latency_p50_ratio: float = Field(1.5, gt=0, description="median latency over the baseline's, machines made equal")
    latency_p95_ratio: float = Field(2.0, gt=0, description="95th percentile over the baseline's, likewise")
    rate_share: float = Field(0.98, ge=0, le=1, description="outputs per second, at least this share of the baseline's")
    lost_scans: int = Field(0, ge=0, description="scans without output beyond those of the baseline")
    memory_mb: float = Field(40.0, ge=0, description="growth of memory over 1,000 frames [MB]")
    outputs: dict[str, FieldLimit] = Field(
        {}, description="tolerance of outputs by field, e.g. center, tracks.velocity"
    )

    def tolerances(self) -> Mapping[str, Tolerance]:
        """Tolerances of the golden comparison with the overrides of ``outputs``.

        Raises:
            ValueError: a tolerance is finer than what the packed outputs are rounded to (an eighth of the usual one).
        """
        out = dict(TOLERANCES)
        for name, given in self.outputs.items():
            usual = TOLERANCES.get(name, TOLERANCES.get(name.rpartition(".")[2], Tolerance()))
            if given.absolute < 0.125 * usual.absolute or given.relative < 0.125 * usual.relative:
                raise ValueError(
                    f"outputs.{name}: expected at least {0.125 * usual.absolute:g} + {0.125 * usual.relative:g} of the value "
                    f"(the packed outputs are rounded to that), got {given.absolute:g} + {given.relative:g}"
                )
            out[name] = Tolerance(given.absolute, given.relative, usual.angle)
        return out
