"""Putting an environment together: model, clips, physics backend and task."""

from collections.abc import Sequence

from musclemimic_models import InputError, MotionClip, MusculoModel, get_musculo_model
from musclemimic_models.errors import unknown_name

from musclemimic_sim.bank import build_bank
from musclemimic_sim.body import describe_body
from musclemimic_sim.config import JOINT_MAPS, EnvConfig, default_reward
from musclemimic_sim.env import ImitationEnv
from musclemimic_sim.native import NativeSimulator
from musclemimic_sim.task import Task
from musclemimic_sim.types import Simulator

BACKENDS = ("native", "warp")


def make_env(
    model: MusculoModel | str,
    clips: Sequence[MotionClip],
    *,
    num_envs: int,
    backend: str = "native",
    seed: int = 0,
    config: EnvConfig | None = None,
    num_threads: int = 0,
    device: str | None = None,
) -> ImitationEnv:
    """An imitation environment.

    Args:
        model: a model or its name (without fingers).
        clips: reference motions made for it.
        num_envs: environments stepped together.
        backend: "native" (C MuJoCo on all CPU cores) or "warp" (MuJoCo Warp, for a CUDA GPU).
        seed: of the start states, randomised bodies and pushes.
        config: the task; None for the defaults.
        num_threads: of the native backend; 0 for all cores.
        device: of the Warp backend, such as "cuda:0" or "cpu"; None for the first GPU, if any.

    Raises:
        InputError: unknown model or backend, Warp not installed, or a clip that does not fit.
    """
    if isinstance(model, str):
        model = get_musculo_model(model, fingers=False)
    if backend not in BACKENDS:
        raise unknown_name("make_env", "backend", backend, list(BACKENDS))
    if num_envs < 1:
        raise InputError("make_env", "num_envs", found=num_envs, expected=">= 1")
    config = config or EnvConfig()
    control_dt = config.substeps * float(model.mj_model.opt.timestep)
    on_its_feet = config.action_map == "whole_body"
    bank = build_bank(model, clips, control_dt=control_dt, with_swing=on_its_feet)
    if on_its_feet and not model.has_free_root:
        raise InputError(
            "make_env",
            "action_map",
            found=f"'whole_body' for {model.label}",
            expected="a body on its feet, such as MyoFullBody",
        )
    sizes = {"num_worlds": num_envs, "substeps": config.substeps}
    needs = {
        "moments": config.action_map in JOINT_MAPS,
        "dynamics": config.action_map in JOINT_MAPS,
    }
    simulator: Simulator = (
        _warp_simulator(model, **sizes, **needs, device=device)
        if backend == "warp"
        else NativeSimulator(model, **sizes, **needs, num_threads=num_threads)
    )
    task = Task(
        body=describe_body(model),
        bank=bank,
        config=config,
        reward=config.reward or default_reward(free_root=model.has_free_root),
        free_root=model.has_free_root,
    )
    return ImitationEnv(model, simulator, task, seed=seed)


def _warp_simulator(
    model: MusculoModel,
    *,
    num_worlds: int,
    substeps: int,
    moments: bool,
    dynamics: bool,
    device: str | None,
) -> Simulator:
    """Imported only when asked for: Warp is an extra and takes a second to load.

    Raises:
        InputError: Warp is not installed.
    """
    try:
        from musclemimic_sim.warp_backend import WarpSimulator
    except ModuleNotFoundError as error:
        raise InputError(
            "make_env",
            "backend",
            found=f"'warp' without {error.name}",
            expected="pip install 'musclemimic-sim[warp]'",
        ) from error
    return WarpSimulator(
        model,
        num_worlds=num_worlds,
        substeps=substeps,
        moments=moments or dynamics,
        device=device,
    )
