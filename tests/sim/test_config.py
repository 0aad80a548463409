"""Configurations survive the trip through plain values."""

import dataclasses
import json

import pytest
from musclemimic_models import InputError
from musclemimic_sim import (
    ActionDelay,
    CurriculumConfig,
    EnvConfig,
    RewardConfig,
    RewardTerm,
    SensorNoise,
    env_config_from,
)


def test_round_trip_through_json():
    config = EnvConfig(
        action_map="affine",
        horizon=7,
        reward=RewardConfig(site_position=RewardTerm(0.7, 50.0), effort_penalty=0.5),
        curriculum=CurriculumConfig(enabled=True, start_scale=3.0),
        sensor_noise=SensorNoise(muscle_length=0.1),
        action_delay=ActionDelay(1, 2),
    )
    values = json.loads(json.dumps(dataclasses.asdict(config)))
    assert env_config_from(values, "here") == config
    assert env_config_from({}, "here") == EnvConfig()
    assert env_config_from({"substeps": 4, "reward": None}, "here") == EnvConfig(substeps=4)


def test_unknown_fields_are_named():
    with pytest.raises(InputError, match=r"run: config.env.sped: found an unknown field"):
        env_config_from({"sped": 1}, "run")
    with pytest.raises(InputError, match=r"config.env.curriculum.sped: .* expected enabled, start"):
        env_config_from({"curriculum": {"sped": 1}}, "run")


def test_evaluation_is_strict_but_keeps_noise_and_delay():
    config = EnvConfig(
        curriculum=CurriculumConfig(enabled=True),
        sensor_noise=SensorNoise(muscle_length=0.1),
        action_delay=ActionDelay(1, 2),
    ).for_evaluation(horizon=9)
    assert not config.curriculum.enabled
    assert not config.auto_reset
    assert config.sensor_noise.muscle_length == 0.1
    assert config.action_delay.most == 2
