"""Whether a reference is fit to compare a trial with."""

import numpy as np

from musclemimic_eval.gait.spatiotemporal import UNITS, SpatioTemporal
from musclemimic_eval.reference.curves import ReferenceGroup, ReferenceTable

# Curves change visibly with speed: Schwartz et al. 2008 sort theirs in steps of 0.13.
_DIMENSIONLESS_STEP, _SPEED_SHARE = 0.07, 0.12
# A foot-off this much apart, % of the cycle, shifts every curve in time.
_FOOT_OFF = 3.0
# Legs longer than this, hip to ankle, m, are grown up: the mean ten-year-old's are 0.66 m.
_GROWN_UP = 0.74
# Sides that differ by this share of their mean are not one sample of a person's gait.
_ASYMMETRY = 0.1
_SYMMETRIC = ("stance", "step time", "step length")


def nearest_group(table: ReferenceTable, trial: SpatioTemporal) -> ReferenceGroup:
    """The group whose speed is nearest to the trial's; the first where no speed is known."""

    def distance(group: ReferenceGroup) -> float:
        away = abs(group.dimensionless_speed - trial.dimensionless_speed)
        if np.isnan(away):
            away = abs(group.speed - trial.speed)
        return float("inf") if np.isnan(away) else float(away)

    return min(table.groups.values(), key=distance)


def warnings_for(
    table: ReferenceTable,
    group: ReferenceGroup,
    trial: SpatioTemporal,
    *,
    leg_length: float,
    stance: float,
) -> tuple[str, ...]:
    """What makes a comparison unfair, in plain words; empty if nothing does.

    Args:
        table: with the population.
        group: of the table.
        trial: with speed and kind of gait.
        leg_length: of the person, m; NaN if unknown.
        stance: of the person, % of the cycle; NaN if unknown.
    """
    found: list[str] = []
    if trial.kind != table.gait:
        found.append(f"{trial.kind} compared with {table.gait}")
    if trial.backward:
        found.append("backward gait compared with forward gait")
    away = trial.dimensionless_speed - group.dimensionless_speed
    if np.isfinite(away):
        if abs(away) > _DIMENSIONLESS_STEP:
            found.append(
                f"speed v/√(gL) {trial.dimensionless_speed:.2f} compared with "
                f"{group.dimensionless_speed:.2f} ({group.name})"
            )
    elif np.isfinite(group.speed):
        if abs(trial.speed / group.speed - 1) > _SPEED_SHARE:
            found.append(f"{trial.speed:.2f} m/s compared with {group.speed:.2f} m/s")
    else:
        found.append("the reference's speed is unknown")
    if table.adults is None:
        found.append("the reference's population is unknown")
    elif np.isfinite(leg_length) and (leg_length > _GROWN_UP) != table.adults:
        who = "an adult's" if leg_length > _GROWN_UP else "a child's"
        others = "adults'" if table.adults else "children's"
        found.append(f"{who} legs ({leg_length:.2f} m) compared with {others}")
    if group.n and group.n < 5:
        found.append(f"the band is of {group.n} person{'s' * (group.n > 1)}, not of a population")
    found += _asymmetries(trial)
    if abs(stance - group.foot_off) > _FOOT_OFF:
        found.append(
            f"stance {stance:.0f} % compared with {group.foot_off:.0f} %: normalise stance and "
            "swing separately"
        )
    return tuple(found)


def _asymmetries(trial: SpatioTemporal) -> list[str]:
    found: list[str] = []
    for name in _SYMMETRIC:
        if name in trial.left and name in trial.right:
            left, right = trial.left[name].mean, trial.right[name].mean
            if abs(left - right) > _ASYMMETRY * abs(left + right) / 2:
                unit = UNITS[name]
                found.append(
                    f"asymmetric gait, {name} {left:.3g} {unit} left and {right:.3g} {unit} "
                    "right: judge each side by itself"
                )
    return found
