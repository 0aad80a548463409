import pytest
from musclemimic_models import MusculoModel, get_musculo_model


@pytest.fixture(scope="session")
def full_body() -> MusculoModel:
    return get_musculo_model("MyoFullBody", fingers=False)


@pytest.fixture(scope="session")
def arms() -> MusculoModel:
    return get_musculo_model("BimanualMuscle", fingers=False)


@pytest.fixture(params=["MyoFullBody", "BimanualMuscle"])
def either_model(request: pytest.FixtureRequest) -> MusculoModel:
    return get_musculo_model(request.param, fingers=False)
