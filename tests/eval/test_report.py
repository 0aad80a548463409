import json
import re
from html.parser import HTMLParser

import pytest
from musclemimic_eval import ReportInputs, validate, write_report
from musclemimic_eval.grids import retargeting_grid, validation_grid
from musclemimic_eval.metrics import METRICS
from musclemimic_eval.summary import summary_text

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Collects tags, links, images, ids and text; checks that tags nest."""

    def __init__(self, html):
        super().__init__()
        self.open, self.links, self.images, self.ids, self.texts = [], [], [], [], []
        self.cells = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("src", "href") if name in attrs]
        self.images += [attrs["alt"]] if tag == "img" else []
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def inputs(arms, arms_clip, replay):
    rollouts = [replay(arms_clip), replay(arms_clip, start=30, terminated=True)]
    clips = {"wave": arms_clip}
    return ReportInputs(
        model=arms,
        clips=clips,
        rollouts=rollouts,
        table=validate(rollouts, clips),
        command="musclemimic demo --out <here> & there",
        retargeting={"wave": {"rmse_m": 0.0213, "tendon_jump": False, "foot_skate_m_per_s": None}},
        training={"config": {"num_envs": 128, "ppo": {"gamma": 0.99}}},
        learning=[
            {"env_steps": 4096.0 * k, "rollout/reward": 0.1, "time/elapsed_s": 60.0 * k}
            for k in range(1, 4)
        ],
    )


@pytest.fixture(scope="module")
def folder(inputs, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "new" / "folder"
    assert write_report(out, inputs) == out / "index.html"
    return out


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "index.html").read_text()


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_only_whole_files_are_left(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "film.png",
        "index.html",
        "report.json",
    ]


def test_the_page_needs_no_network(html, page):
    assert page.links
    within = [link for link in page.links if link.startswith("#")]
    assert [link[1:] for link in within] == page.ids
    outside = [link for link in page.links if link not in within]
    assert all(link.startswith("data:image/png;base64,") for link in outside)
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"<(script|link|iframe)", html)


def test_every_section_and_figure_is_there(page):
    assert page.ids == ["validation", "muscles", "retargeting", "training", "provenance"]
    assert len(page.images) == 5
    assert all(page.images)


def test_every_number_is_there(page):
    text = " ".join(page.texts)
    for metric in METRICS.values():
        assert metric.label in text
        assert metric.definition[:40] in text
    for part in ("0.0213", "config.ppo.gamma", "0.99", "BimanualMuscle", "Saul", "made for tests"):
        assert part in text


def test_text_from_outside_is_escaped(html, page):
    assert "<here>" not in html
    assert "musclemimic demo --out <here> & there" in page.texts


def test_the_summary_says_what_happened(inputs):
    text = summary_text(inputs.table, inputs.clips, inputs.model, inputs.learning)
    assert "64 muscles of BimanualMuscle" in text
    assert "Of 2 episodes started all along the reference, 1 lost the motion" in text
    assert "0.0 cm away" in text
    assert "3.0 minutes: 0.01 million" in text


def test_numbers_are_in_the_json(folder, inputs):
    document = json.loads((folder / "report.json").read_text())
    pooled = document["validation"]["pooled"]
    assert pooled["episode_length_steps"]["value"] == 44
    assert pooled["root_position_m"]["value"] is None
    assert document["episodes"][1] == {
        "clip": "wave",
        "start_frame": 30,
        "steps": 29,
        "terminated": True,
        "return": 14.5,
    }
    assert document["training"]["config"]["ppo"]["gamma"] == 0.99
    assert document["provenance"]["model sha256"] == inputs.model.content_sha256
    assert len(document["learning"]) == 3


def test_published_figures_stand_beside_the_full_body_only(body_clip, arms_clip, replay):
    full = validate([replay(body_clip)], {"wave": body_clip})
    grid = validation_grid(full, full_body=True)
    assert grid.header[-1] == "published, train / test"
    assert grid.rows[5][-1] == "0.027 / 0.027"
    assert all(len(row) == len(grid.header) for row in grid.rows)
    arms = validate([replay(arms_clip)], {"wave": arms_clip})
    assert "published, train / test" not in validation_grid(arms, full_body=False).header


def test_retargeting_table_leaves_out_what_was_not_measured():
    metrics = {"wave": {"rmse_m": 0.0213, "tendon_jump": False, "foot_skate_m_per_s": None}}
    rows = retargeting_grid(metrics, full_body=True).rows
    assert [row[1:] for row in rows] == [("0.0213", "0.025", "0.039"), ("no", "3.2", "30.1")]
    assert [len(row) for row in retargeting_grid(metrics, full_body=False).rows] == [2, 2]
    assert retargeting_grid({}, full_body=True) is None
