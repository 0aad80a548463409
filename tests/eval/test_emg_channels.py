"""Channel names of laboratories and the model's muscles."""

import itertools

import numpy as np
import pytest
from musclemimic_eval.emg import load_channel_table, map_channels
from musclemimic_models import InputError

OPENSIM = (
    *("soleus", "gastrocnemius", "tibialis_anterior", "medial_hamstrings", "biceps_femoris"),
    *("vastus_lateralis", "vastus_medius", "rectus_femoris", "gluteus_maximus"),  # as it is there
    "gluteus_medius",
)
BMC = ("REC", "VAS", "GRF", "ISC", "BIC", "TIB", "SOL", "JUM")
REHAZENTER = (
    *("R_tibialis_anterior", "R_soleus", "R_gastrocnemius_medialis", "R_vastus_medialis"),
    *("R_rectus_femoris", "R_semitendinosus", "R_gluteus_maximus", "R_gluteus_medius"),
)


def muscles_of(model, found):
    names = model.muscle_names
    return {c.label: {names[i] for i in c.muscles.tolist()} for c in found.channels}


def test_names_of_the_opensim_example(body):
    found = map_channels(OPENSIM, body.muscles, default_side="right")
    muscles = muscles_of(body, found)
    assert found.unknown == ()
    assert list(muscles) == list(OPENSIM)
    assert muscles["gastrocnemius"] == {"gasmed_r", "gaslat_r"}
    assert muscles["medial_hamstrings"] == {"semimem_r", "semiten_r"}
    assert muscles["vastus_medius"] == {"vasmed_r"}
    assert muscles["gluteus_medius"] == {"glmed1_r", "glmed2_r", "glmed3_r"}


def test_abbreviations_of_the_bmc_file_carry_their_side(body):
    labels = [f"{side}{name}" for name, side in itertools.product(BMC, "LR")]
    found = map_channels(["F1X", "M2Z", *labels], body.muscles)
    muscles = muscles_of(body, found)
    assert found.unknown == ("F1X", "M2Z")
    assert set(muscles) == set(labels)
    assert muscles["LGRF"] == {"glmax1_l", "glmax2_l", "glmax3_l"}
    assert muscles["RJUM"] == {"gasmed_r", "gaslat_r"}
    assert muscles["RISC"] == {"semimem_r", "semiten_r"}
    assert muscles["LREC"] == {"recfem_l"}


def test_full_names_of_the_rehazenter_file(body):
    muscles = muscles_of(body, map_channels(REHAZENTER, body.muscles))
    assert muscles["R_gastrocnemius_medialis"] == {"gasmed_r"}
    assert muscles["R_semitendinosus"] == {"semiten_r"}
    assert len(muscles) == 8


@pytest.mark.parametrize(
    "label",
    ["left soleus", "Soleus_L", "L.SOL", "EMG L_Soleus", "LSOL", "soleus-left", "emg_left_sol"],
)
def test_spelling_does_not_matter(body, label):
    (channel,) = map_channels([label], body.muscles).channels
    assert (channel.site, channel.side) == ("soleus", "left")


def test_unsided_muscles_of_the_right_arm(arms, body):
    for model in (arms, body):
        (channel,) = map_channels(["Right Triceps Brachii"], model.muscles).channels
        assert {model.muscle_names[i] for i in channel.muscles.tolist()} == {
            "TRIlong",
            "TRIlat",
            "TRImed",
        }
    # The arms have no legs: known to the table, but not to this model.
    assert map_channels(["R_soleus"], arms.muscles).unknown == ("R_soleus",)


def test_every_name_finds_its_own_site_on_both_sides(body):
    table = load_channel_table()
    for site in table.sites.values():
        for name, side in itertools.product(site.names, ("left", "right")):
            (channel,) = map_channels([f"{side} {name}"], body.muscles).channels
            assert (channel.site, channel.side) == (site.name, side), name
            # Glued letters must not turn one site into another.
            glued = map_channels([f"{side[0]}{name}"], body.muscles, default_side="left").channels
            assert {c.site for c in glued} <= {site.name} | _plain_sites(table, side[0] + name)


def _plain_sites(table, label):
    joined = "".join(label.lower().split())
    return {s.name for s in table.sites.values() if joined in {n.replace(" ", "") for n in s.names}}


def test_activation_is_weighted_by_strength(body):
    (channel,) = map_channels(["R_gastrocnemius"], body.muscles).channels
    strength = body.muscles.max_isometric_force[channel.muscles]
    activation = np.zeros((1, len(body.muscle_names)))
    activation[0, channel.muscles[0]] = 1.0
    expected = strength[0] / strength.sum()
    assert channel.activation(activation)[0] == pytest.approx(expected)
    assert 0.5 < expected < 0.8 or 0.2 < expected < 0.5


def test_labels_without_a_side_need_one(body):
    with pytest.raises(InputError, match="side: found none in soleus"):
        map_channels(["soleus"], body.muscles)
    with pytest.raises(InputError, match="'R_sol' and 'RSOL'"):
        map_channels(["R_sol", "RSOL"], body.muscles)


def test_a_users_own_file_adds_names_and_labels(body, tmp_path):
    own = tmp_path / "ours.toml"
    own.write_text(
        '[soleus]\nnames = ["wade"]\n'
        '[popliteal]\nmuscles = ["bfsh"]\nnames = ["pop"]\n'
        '[labels]\n"Sensor 3" = { site = "soleus", side = "left" }\n',
        encoding="utf-8",
    )
    table = load_channel_table(own)
    found = map_channels(["R wade", "Sensor 3", "RPOP", "Sensor 4"], body.muscles, table=table)
    assert [(c.site, c.side) for c in found.channels] == [
        ("soleus", "right"),
        ("soleus", "left"),
        ("popliteal", "right"),
    ]
    assert found.unknown == ("Sensor 4",)
    assert map_channels(["R_soleus"], body.muscles, table=table).channels[0].site == "soleus"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("soleus = 3", "soleus: found 3, expected a table"),
        ('[new]\nnames = ["x"]', r"new\.muscles: found none"),
        ("[soleus]\nmuscles = [3]", "a list of names"),
        ("[soleus]\nside = 1", "'side', expected one of muscles, names"),
        ('[soleus]\nnames = ["jum"]', "'jum', also a name of soleus"),
        ('[labels]\nx = { site = "nose", side = "left" }', "'nose'"),
        ('[labels]\nx = { site = "soleus" }', r"labels\.x"),
        ("[soleus", "valid TOML"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, match):
    own = tmp_path / "ours.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=match):
        load_channel_table(own)


def test_a_binary_file_is_refused(tmp_path):
    own = tmp_path / "ours.toml"
    own.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="binary"):
        load_channel_table(own)
