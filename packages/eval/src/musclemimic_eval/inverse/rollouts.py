"""The muscles of a policy: energy, effort beside the least possible, forces in the joints."""

from dataclasses import dataclass

import numpy as np
from musclemimic_models import MusculoModel
from musclemimic_models.curves import passive_force

from musclemimic_eval.grids import Grid
from musclemimic_eval.inverse.contact import JointContact, joint_contact
from musclemimic_eval.inverse.metabolics import MetabolicPower, metabolic_power
from musclemimic_eval.inverse.plots import plot_contact
from musclemimic_eval.inverse.static import MuscleSolution, StaticConfig, optimise_motion
from musclemimic_eval.kinetics.differentiate import DifferentiatedMotion, differentiate
from musclemimic_eval.kinetics.ground_reaction import GroundReaction
from musclemimic_eval.kinetics.phantoms import without_phantom_inertia
from musclemimic_eval.kinetics.simulated import SIMULATED_CUTOFF_HZ, simulated_ground_reaction
from musclemimic_eval.page import Section, picture
from musclemimic_eval.rollout import Rollout

_SHORTEST = 20  # samples


@dataclass(frozen=True)
class RolloutMuscles:
    """Muscle results of one episode.

    Attributes:
        metabolic: power of the policy's muscles.
        effort: mean over samples of the sum of squared activations.
        least: static optimisation of the same motion under the same ground reaction.
        least_effort: its mean sum of squared activations.
        contact: forces in the joints with the policy's muscle forces; None on a fixed trunk.
    """

    metabolic: MetabolicPower
    effort: float
    least: MuscleSolution
    least_effort: float
    contact: JointContact | None


def rollout_ground(rollout: Rollout) -> GroundReaction:
    """Ground reaction of a rollout, low-passed as its motion is."""
    return simulated_ground_reaction(rollout).filtered(SIMULATED_CUTOFF_HZ)


def rollout_muscles(rollout: Rollout, model: MusculoModel) -> RolloutMuscles:
    """Muscle results of one episode of at least 20 samples."""
    dt = float(rollout.time[1] - rollout.time[0])
    motion = differentiate(model, rollout.qpos, dt=dt, cutoff_hz=SIMULATED_CUTOFF_HZ)
    motion = DifferentiatedMotion(rollout.time, motion.qpos, motion.qvel, motion.qacc)
    ground = rollout_ground(rollout) if model.has_free_root else None
    least = optimise_motion(model, motion, ground, config=StaticConfig(contact=False))
    muscles = model.muscles
    passive = passive_force(muscles, rollout.muscle_length)
    metabolic = metabolic_power(
        muscles,
        excitation=rollout.excitation,
        activation=rollout.activation,
        length=rollout.muscle_length,
        velocity=np.gradient(rollout.muscle_length, dt, axis=0),
        # The force is that of the last substep, 2 ms before the length.
        active_force=np.maximum(-rollout.muscle_force - passive, 0),
        body_mass=least.dynamics.mass,
    )
    contact = None
    if ground is not None:
        skeleton = without_phantom_inertia(model)
        contact = joint_contact(skeleton, motion, rollout.muscle_force, ground)
    return RolloutMuscles(
        metabolic=metabolic,
        effort=float((rollout.activation**2).sum(axis=1).mean()),
        least=least,
        least_effort=float((least.activation**2).sum(axis=1).mean()),
        contact=contact,
    )


def rollout_sections(rollout: Rollout, model: MusculoModel) -> list[Section]:
    """What the policy's muscles cost and do to the joints, as a part of a page.

    Empty for episodes under 20 samples, which are too short to differentiate.
    """
    if len(rollout) < _SHORTEST:
        return []
    found = rollout_muscles(rollout, model)
    sections = [_effort_section(rollout, found)]
    if found.contact is not None:
        sections.append(_contact_section(rollout, found.contact))
    return sections


def _effort_section(rollout: Rollout, found: RolloutMuscles) -> Section:
    least = found.least
    reserve = np.abs(least.reserve).max(axis=0)
    worst = int(np.argmax(reserve))
    rows = (
        ("Sum of squared activations, policy", f"{found.effort:.3g}"),
        ("The least for the same motion (static optimisation)", f"{found.least_effort:.3g}"),
        ("Mean activation, policy", f"{rollout.activation.mean():.3f}"),
        ("Mean activation, least", f"{least.activation.mean():.3f}"),
        ("Largest reserve of the latter, N m", f"{reserve[worst]:.2g}"),
        ("… at", least.joint_names[worst].replace("_", " ")),
        ("Metabolic power, policy, W", f"{found.metabolic.per_muscle.sum(axis=1).mean():.0f}"),
        ("Metabolic power, least, W", f"{least.metabolic.per_muscle.sum(axis=1).mean():.0f}"),
    )
    note = (
        "Longest episode. Metabolic power of the muscles without the body at rest (Bhargava et al. "
        "2004). The least leaves out joint damping and phantom inertia, which the policy's muscles "
        "have to overcome."
    )
    return Section("effort", "What the muscles cost", grids=(Grid(("", "mean"), rows, note),))


def _contact_section(rollout: Rollout, contact: JointContact) -> Section:
    rows = tuple(
        (name.replace("_", " "), f"{column.max():.2f}", f"{column.mean():.2f}")
        for name, column in zip(contact.names, contact.in_body_weights.T, strict=True)
    )
    figure = plot_contact(contact, rollout.time.tolist())
    return Section(
        "contact",
        "Forces in the joints",
        grids=(Grid(("joint", "peak, body weights", "mean"), rows),),
        pictures=(picture(figure, "Size of the joint force, with and without muscles."),),
    )
