"""Small environments in NumPy for the learner's tests."""

import jax.numpy as jnp
import numpy as np
from musclemimic_sim import EnvSpec, ObsField, State, TimeStep


def make_spec(obs_size: int, action_size: int) -> EnvSpec:
    return EnvSpec(
        obs_fields=(ObsField("state", obs_size, "1"),),
        action_names=tuple(f"muscle{i}" for i in range(action_size)),
        action_map="affine",
        control_dt=0.01,
        model_name="toy",
        model_sha256="0" * 64,
    )


def _time_step(obs, reward, terminated, truncated, final_obs, terms) -> TimeStep:
    # Copies on purpose: the arrays inside the environment change under JAX's feet otherwise.
    return TimeStep(
        obs=jnp.array(obs, jnp.float32, copy=True),
        reward=jnp.array(reward, jnp.float32, copy=True),
        terminated=jnp.array(terminated, copy=True),
        truncated=jnp.array(truncated, copy=True),
        final_obs=jnp.array(final_obs, jnp.float32, copy=True),
        unhealthy=jnp.zeros(len(reward), bool),
        terms={name: jnp.array(value, jnp.float32, copy=True) for name, value in terms.items()},
    )


class PointMass:
    """A mass on a line pushed by a force: be at 0; fails beyond 2 m, is cut off after 40 steps."""

    def __init__(self, num_envs: int, *, seed: int = 0, spec: EnvSpec | None = None) -> None:
        self.num_envs = num_envs
        self.spec = spec or make_spec(2, 1)
        self.seed, self.draws = seed, 0
        self.state = np.zeros((num_envs, 2))
        self.clock = np.zeros(num_envs, np.int64)
        self.poison_at: int | None = None
        self.steps = 0
        self.limit = 2.0
        self.closed = False
        self._start(np.ones(num_envs, bool))

    def _start(self, mask: np.ndarray) -> None:
        self.draws += 1
        fresh = np.random.default_rng([self.seed, self.draws]).uniform(-1, 1, self.state.shape)
        self.state[mask] = fresh[mask]
        self.clock[mask] = 0

    def reset(self) -> TimeStep:
        self._start(np.ones(self.num_envs, bool))
        return self._still()

    def _still(self) -> TimeStep:
        no = np.zeros(self.num_envs, bool)
        return _time_step(self.state, np.zeros(self.num_envs), no, no, self.state, {})

    def step(self, action) -> TimeStep:
        force = np.clip(np.asarray(action, np.float64)[:, 0], -1, 1)
        self.state[:, 1] += 0.2 * force
        self.state[:, 0] += 0.2 * self.state[:, 1]
        self.clock += 1
        self.steps += 1
        final = self.state.copy()
        distance = np.abs(final[:, 0])
        reward = np.exp(-4.0 * distance**2)
        if self.steps == self.poison_at:
            reward = np.full_like(reward, np.nan)
        terminated, truncated = distance > self.limit, (self.clock >= 40) & (distance <= self.limit)
        if (terminated | truncated).any():
            self._start(terminated | truncated)
        terms = {"error/site_position_m": distance}
        return _time_step(self.state, reward, terminated, truncated, final, terms)

    def get_state(self) -> State:
        return {
            "state": self.state.copy(),
            "clock": self.clock.copy(),
            "draws": np.array([self.draws]),
            "touch": np.zeros((self.num_envs, 0)),
        }

    def set_state(self, state: State) -> TimeStep:
        self.state, self.clock = state["state"].copy(), state["clock"].copy()
        self.draws = int(state["draws"][0])
        return self._still()

    def close(self) -> None:
        self.closed = True


class Bandit:
    """One-step episodes: the best action equals the context shown, the reward is −(a − c)²."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs, self.spec = num_envs, make_spec(3, 2)
        self.draws = 0

    def _draw(self) -> np.ndarray:
        self.draws += 1
        self.context = np.random.default_rng([1, self.draws]).uniform(-1, 1, (self.num_envs, 3))
        return self.context

    def reset(self) -> TimeStep:
        obs, no = self._draw(), np.zeros(self.num_envs, bool)
        return _time_step(obs, np.zeros(self.num_envs), no, no, obs, {})

    def step(self, action) -> TimeStep:
        before = self.context
        reward = -np.mean((np.asarray(action) - before[:, :2]) ** 2, axis=1)
        yes, no = np.ones(self.num_envs, bool), np.zeros(self.num_envs, bool)
        return _time_step(self._draw(), reward, yes, no, before, {})

    def get_state(self) -> State:
        return {"draws": np.array([self.draws])}

    def set_state(self, state: State) -> TimeStep:
        self.draws = int(state["draws"][0]) - 1
        return self.reset()

    def close(self) -> None:
        pass


class Pendulum:
    """A rod on a hinge with a weak motor, starting anywhere: swing it up and keep it there.

    The classic task in its usual units (g = 10 m/s², 1 kg, 1 m, |torque| ≤ 2 N m, 50 ms, 200
    steps), with the usual cost θ² + 0.1 θ̇² + 0.001 τ², θ = 0 upright.
    """

    def __init__(self, num_envs: int, *, seed: int = 0) -> None:
        self.num_envs, self.spec = num_envs, make_spec(3, 1)
        self._rng = np.random.default_rng(seed)
        self.angle, self.speed = np.zeros(num_envs), np.zeros(num_envs)
        self.clock = np.zeros(num_envs, np.int64)

    def _start(self, mask: np.ndarray) -> None:
        self.angle[mask] = self._rng.uniform(-np.pi, np.pi, mask.sum())
        self.speed[mask] = self._rng.uniform(-1.0, 1.0, mask.sum())
        self.clock[mask] = 0

    def _obs(self) -> np.ndarray:
        return np.stack([np.cos(self.angle), np.sin(self.angle), self.speed], axis=1)

    def reset(self) -> TimeStep:
        self._start(np.ones(self.num_envs, bool))
        no = np.zeros(self.num_envs, bool)
        return _time_step(self._obs(), np.zeros(self.num_envs), no, no, self._obs(), {})

    def step(self, action) -> TimeStep:
        torque = np.clip(2.0 * np.asarray(action, np.float64)[:, 0], -2.0, 2.0)
        angle = (self.angle + np.pi) % (2 * np.pi) - np.pi
        cost = angle**2 + 0.1 * self.speed**2 + 0.001 * torque**2
        acceleration = 15.0 * np.sin(self.angle) + 3.0 * torque
        self.speed = np.clip(self.speed + 0.05 * acceleration, -8.0, 8.0)
        self.angle = self.angle + 0.05 * self.speed
        self.clock += 1
        final, cut = self._obs(), self.clock >= 200
        self._start(cut)
        no = np.zeros(self.num_envs, bool)
        return _time_step(self._obs(), -cost, no, cut, final, {"error/angle_rad": np.abs(angle)})

    def get_state(self) -> State:
        return {"angle": self.angle.copy(), "speed": self.speed.copy(), "clock": self.clock.copy()}

    def set_state(self, state: State) -> TimeStep:
        raise NotImplementedError

    def close(self) -> None:
        pass
