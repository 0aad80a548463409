"""`musclemimic sim play`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, cast

import tyro
from musclemimic_models.quiet import quiet_mujoco
from musclemimic_models.view.command import require_free_port, require_viewer
from rich.console import Console

from musclemimic_sim.config import EnvConfig
from musclemimic_sim.config_reading import env_config_from
from musclemimic_sim.loading import load_clips
from musclemimic_sim.making import make_env
from musclemimic_sim.play.agents import (
    Agent,
    Policy,
    load_policy,
    policy_agent,
    random_agent,
    zero_agent,
)
from musclemimic_sim.play.session import PlaySession


@dataclass(frozen=True)
class PlayArguments:
    """Watch an environment in the browser, its reference as a ghost beside it. Ctrl-C ends it.

    Attributes:
        clip: a motion clip file.
        agent: what acts; can be changed on the page.
        policy: a trained policy to act; it brings the task it was trained in.
        seed: of the starts and of the random agent.
        host: address the page is served on; 0.0.0.0 lets other machines in.
        port: of the page; 0 takes a free one.
        env: the task, without a policy.
    """

    clip: Annotated[Path, tyro.conf.Positional]
    agent: Literal["zero", "random"] = "zero"
    policy: Path | None = None
    seed: int = 0
    host: str = "127.0.0.1"
    port: int = 8080
    env: EnvConfig = field(default_factory=EnvConfig)


def play(arguments: PlayArguments) -> int:
    """Show an environment until the user presses Ctrl-C; returns 0.

    Raises:
        InputError: an unusable clip or policy, a port in use, or the extra `viewer` is missing.
    """
    require_viewer()
    require_free_port(arguments.host, arguments.port)
    from musclemimic_sim.play.browser import show_in_browser

    console = Console(stderr=True)
    try:
        with console.status(f"loading {arguments.clip}"), quiet_mujoco():
            session = make_session(arguments)
        with quiet_mujoco():
            show_in_browser(session, console, host=arguments.host, port=arguments.port)
    except KeyboardInterrupt:
        console.print("closed")
    return 0


def make_session(arguments: PlayArguments) -> PlaySession:
    """The session the arguments ask for.

    Raises:
        InputError: see `play`.
    """
    policy = None if arguments.policy is None else load_policy(arguments.policy)
    config = arguments.env if policy is None else _task_of(policy, arguments)
    model, clips = load_clips([arguments.clip])
    config = replace(config, auto_reset=False)
    env = make_env(model, clips, num_envs=1, seed=arguments.seed, config=config, num_threads=1)
    agents: dict[str, Agent] = {
        "zero": zero_agent(env.spec),
        "random": random_agent(env.spec, seed=arguments.seed),
    }
    chosen: str = arguments.agent
    if policy is not None:
        agents = {"policy": policy_agent(policy, env.spec, arguments.policy), **agents}
        chosen = "policy"
    return PlaySession(env, model, agents, chosen)


def _task_of(policy: Policy, arguments: PlayArguments) -> EnvConfig:
    """The task a policy was trained in, if it tells; judged as in evaluation."""
    training = policy.provenance.get("config")
    if isinstance(training, dict) and "env" in training:
        values = cast("Mapping[str, object]", training["env"])
        return env_config_from(values, arguments.policy).for_evaluation()
    return arguments.env
