"""A synthetic walker whose events, lengths and speed are known exactly."""

import numpy as np
from musclemimic_eval.gait.feet import FootMotion
from musclemimic_eval.kinetics.ground_reaction import GRAVITY, GroundReaction

STRIDE, STANCE, STEP, WIDTH, MASS = 1.1, 0.62, 0.65, 0.12, 70.0
SPEED = 2 * STEP / STRIDE
RATE = 200.0


def walker(
    seconds: float = 6.0, *, stance: float = STANCE, rate: float = RATE, speed: float = SPEED
) -> FootMotion:
    """Feet that stand still in stance and swing smoothly, lifted 10 cm; the pelvis glides.

    The right foot lands at 0, STRIDE …, the left half a stride later. Heel and toe lift together,
    which is enough for events from speed.
    """
    time = np.arange(round(seconds * rate)) / rate
    feet = np.empty((len(time), 2, 3))
    for foot, delay in ((0, 0.5), (1, 0.0)):
        cycle = time / STRIDE - delay
        number, phase = np.floor(cycle), cycle % 1.0
        swing = np.clip((phase - stance) / (1 - stance), 0, 1)
        # Quintic: starts and ends at rest, as a foot does.
        progress = swing**3 * (10 - 15 * swing + 6 * swing**2)
        landed = (number + delay) * STRIDE * speed
        feet[:, foot, 0] = landed + progress * STRIDE * speed
        feet[:, foot, 1] = (0.5 - foot) * WIDTH
        feet[:, foot, 2] = 0.03 + 0.1 * np.sin(np.pi * swing) ** 2
    pelvis = np.stack([speed * time - 0.1, 0 * time, np.full(len(time), 0.95)], axis=1)
    ahead = np.array([0.2, 0.0, 0.0])
    return FootMotion(time, feet, feet + ahead, pelvis)


def ground(seconds: float = 6.0, *, stance: float = STANCE, rate: float = 1000.0) -> GroundReaction:
    """Half-sine loads in the walker's stances that carry MASS."""
    time = np.arange(round(seconds * rate)) / rate
    force, centre = np.zeros((len(time), 2, 3)), np.full((len(time), 2, 3), np.nan)
    for foot, delay in ((0, 0.5), (1, 0.0)):
        cycle = time / STRIDE - delay
        number, phase = np.floor(cycle), cycle % 1.0
        on = phase < stance
        # Each foot gives half of m g T: peak · 2/π · stance · T = m g T / 2.
        peak = MASS * GRAVITY * np.pi / (4 * stance)
        load = np.where(on, peak * np.sin(np.pi * phase / stance), 0.0)
        force[:, foot, 2] = np.where(load >= 10.0, load, 0.0)
        place = (number + delay) * STRIDE * SPEED + 0.1
        loaded = force[:, foot, 2] > 0
        centre[loaded, foot] = np.stack(
            [place, np.full(len(time), (0.5 - foot) * WIDTH), 0 * time], axis=1
        )[loaded]
    return GroundReaction(time, force, centre, np.zeros_like(force), "laboratory")
