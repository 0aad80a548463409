"""The two embodiments: names, aliases, counts and where their anatomy comes from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from musclemimic_models.errors import unknown_name


@dataclass(frozen=True)
class MimicSite:
    """A point and frame of the model that imitates the same point of the human.

    Attributes:
        body: the body it is fixed to.
        joint_centre_of: a child body whose origin, at qpos0, gives the position (so that the
            ankle site sits at the ankle centre though it moves with the calcaneus); None for
            the body's own origin.
        offset: further offset in the body frame, m.
    """

    body: str
    joint_centre_of: str | None = None
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Embodiment:
    """One entry of the registry.

    Attributes:
        name: the public name.
        myo_sim_name: the name of the composed model in the package myo-sim.
        aliases: other accepted spellings, lower case.
        counts: (joints, muscles, joints minus couplings) with fingers.
        counts_without_fingers: the same without.
        mimic_sites: site name to its definition, the reference (pelvis or upper body) first.
        free_root: whether the body floats; the arms have a fixed trunk.
        summary: one line for `musclemimic models list`.
        sources: publications and packages the anatomy comes from.
    """

    name: str
    myo_sim_name: str
    aliases: tuple[str, ...]
    counts: tuple[int, int, int]
    counts_without_fingers: tuple[int, int, int]
    mimic_sites: Mapping[str, MimicSite]
    free_root: bool
    summary: str
    sources: tuple[str, ...]


# Names of the finger joints and of the muscles that only move fingers (published selection of
# MuscleMimic: 36/64 and 83/354 joints/muscles remain).
FINGER_JOINTS = re.compile(r"^(cmc_|mp_|ip_|mcp\d_|md\d_|pm\d_)")
FINGER_MUSCLES = re.compile(r"^(FDS|FDP|EDC|EDM|EIP|EPL|EPB|FPL|APL|OP|RI|LU_RB|UI_UB)")


def _both_sides(sites: Mapping[str, MimicSite]) -> dict[str, MimicSite]:
    """Left and right copies of sites whose bodies end in `_l` and `_r`."""

    def on_side(site: MimicSite, letter: str) -> MimicSite:
        centre = site.joint_centre_of
        return MimicSite(
            f"{site.body}_{letter}", None if centre is None else f"{centre}_{letter}", site.offset
        )

    return {
        f"{side}_{name}": on_side(site, side[0])
        for side in ("left", "right")
        for name, site in sites.items()
    }


_UPPER_BODY = MimicSite("torso", offset=(0.0, 0.2, 0.0))
_ARM = {"shoulder": MimicSite("humerus"), "elbow": MimicSite("ulna"), "hand": MimicSite("lunate")}
_LEG = {
    "hip": MimicSite("femur"),
    "knee": MimicSite("tibia"),
    "ankle": MimicSite("calcn", joint_centre_of="talus"),
    "toes": MimicSite("toes"),
}
_ARM_SOURCES = (
    "MoBL-ARMS upper limb: Saul et al. 2015, Comput Methods Biomech Biomed Engin 18:1445 "
    "(non-commercial terms of the original distribution, see NOTICE)",
    "McFarland et al. 2023, IEEE Trans Biomed Eng (hand and wrist)",
    "Holzbaur et al. 2005, Ann Biomed Eng 33:829 (named by myo-sim)",
)

REGISTRY: Mapping[str, Embodiment] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Embodiment(
                name="BimanualMuscle",
                myo_sim_name="myoarms",
                aliases=("bimanual", "bimanualmuscle", "arms", "myoarms"),
                counts=(76, 126, 54),
                counts_without_fingers=(36, 64, 14),
                mimic_sites=MappingProxyType({"upper_body": _UPPER_BODY, **_both_sides(_ARM)}),
                free_root=False,
                summary="two muscle-driven arms on a fixed trunk",
                sources=("myo-sim (MyoHub), Apache-2.0", *_ARM_SOURCES),
            ),
            Embodiment(
                name="MyoFullBody",
                myo_sim_name="myofullbody",
                aliases=("myofullbody", "fullbody", "full"),
                counts=(123, 416, 72),
                counts_without_fingers=(83, 354, 32),
                mimic_sites=MappingProxyType(
                    {
                        "pelvis": MimicSite("pelvis"),
                        "upper_body": _UPPER_BODY,
                        "head": MimicSite("head"),
                        **_both_sides(_ARM | _LEG),
                    }
                ),
                free_root=True,
                summary="the whole body: legs, trunk, both arms, free pelvis",
                sources=(
                    "myo-sim (MyoHub), Apache-2.0",
                    "legs: Rajagopal et al. 2016, IEEE Trans Biomed Eng 63:2068",
                    "trunk: Bruno et al. 2015, J Biomech Eng 137:081003",
                    *_ARM_SOURCES,
                ),
            ),
        )
    }
)


def list_models() -> list[str]:
    """The names of the available models."""
    return list(REGISTRY)


def find_embodiment(name: str) -> Embodiment:
    """The registry entry for a name or alias, in any case.

    Raises:
        InputError: no such model; the message lists the valid names.
    """
    for entry in REGISTRY.values():
        if name.lower() == entry.name.lower() or name.lower() in entry.aliases:
            return entry
    raise unknown_name("model", "name", name, list_models())
