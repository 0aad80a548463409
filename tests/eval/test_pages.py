"""The pages in a real browser: nothing missing, no complaint, every figure drawn."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from musclemimic_eval import ReportInputs, cli, validate, write_report
from musclemimic_eval.gait_page.rollouts import rollout_gait_report
from musclemimic_eval.inverse.rollouts import rollout_sections
from musclemimic_eval.reference.choice import ReferenceChoice
from trials import analysis, walking_rollout

# Reports back through the title, which --dump-dom prints: figures that loaded with their true size.
_PROBE = """<script>window.addEventListener("load", () => {
const images = [...document.images];
const drawn = images.filter(image => image.complete && image.naturalWidth > 100);
document.title = `drawn ${drawn.length} of ${images.length}, `
  + `overflow ${document.documentElement.scrollWidth - window.innerWidth}`; });</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "these tests need Chromium (apt-get install chromium; .ci/run does)"
    return found


def opened(browser: str, page: Path, folder: Path) -> tuple[str, str, np.ndarray]:
    """Title after loading, the browser's complaints, and a picture of the page."""
    probed = folder / "probed.html"
    probed.write_text(page.read_text().replace("</head>", f"{_PROBE}</head>"))
    shot = folder / "page.png"
    common = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        "--window-size=1000,2000",
    ]
    results = [
        subprocess.run(
            [*common, what, probed.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        for what in ("--dump-dom", f"--screenshot={shot}")
    ]
    title = re.search(r"<title>(.*?)</title>", results[0].stdout)
    assert title
    complaints = "\n".join(
        line for result in results for line in result.stderr.splitlines() if "CONSOLE" in line
    )
    return title[1], complaints, imread(shot)


def check(browser: str, page: Path, folder: Path, figures: int) -> None:
    title, complaints, picture = opened(browser, page, folder)
    assert title == f"drawn {figures} of {figures}, overflow 0"
    assert complaints == ""
    # Ink on the page: text and figures, neither blank nor black.
    dark = (picture[..., :3].mean(axis=2) < 0.5).mean()
    assert 0.01 < dark < 0.3
    assert page.stat().st_size < 3_000_000


@pytest.mark.slow
def test_the_policy_page(browser, arms, arms_clip, replay, tmp_path):
    rollouts = [replay(arms_clip), replay(arms_clip, start=30)]
    clips = {"wave": arms_clip}
    inputs = ReportInputs(
        model=arms,
        clips=clips,
        rollouts=rollouts,
        table=validate(rollouts, clips),
        command="musclemimic eval policy.npz --clips wave.npz",
        sections=rollout_sections(rollouts[0], arms),
    )
    page = write_report(tmp_path / "report", inputs)
    assert 'id="effort"' in page.read_text()
    check(browser, page, tmp_path, figures=4)


@pytest.mark.slow
def test_the_page_of_a_policy_that_walks(browser, body, real_data, tmp_path):
    rollout, clip = walking_rollout(real_data), analysis(real_data, "walk3d").clip
    clips = {"walk3d": clip}
    choice = ReferenceChoice()
    gait = rollout_gait_report(rollout, clip, body, choice, choice.load())
    inputs = ReportInputs(
        model=body,
        clips=clips,
        rollouts=[rollout],
        table=validate([rollout], clips),
        command="musclemimic eval policy.npz --clips walk.npz",
        sections=gait.sections,
        numbers={"gait": gait.numbers},
    )
    page = write_report(tmp_path / "report", inputs)
    text = page.read_text()
    links = re.findall(r'<a href="#(\w+)"', text)
    assert set(links) >= {"validation", "gait", "parameters", "curves", "timing", "provenance"}
    assert all(f'id="{link}"' in text for link in links)
    numbers = json.loads((tmp_path / "report" / "report.json").read_text())
    assert numbers["gait"]["kind"] == "walking"
    check(browser, page, tmp_path, figures=9)


@pytest.mark.slow
def test_the_muscle_page_from_the_command_line(browser, real_data, tmp_path, capsys):
    data = real_data / "opensim_walk3d"
    arguments = ["muscles", str(data / "coordinates.sto"), "--grf", str(data / "grf_walk.mot")]
    arguments += ["--mass", "85.27", "--emg", str(data / "electromyography.sto")]
    arguments += ["--emg-side", "right", "--out", str(tmp_path / "out")]
    assert cli.main(arguments) == 0
    assert "tibialis_anterior" in capsys.readouterr().out
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {
        "index.html",
        "muscles.json",
        "activations.csv",
        "muscle_forces_N.csv",
        "metabolic_power_W.csv",
        "moments.csv",
        "contact.csv",
        "emg.csv",
    }
    check(browser, tmp_path / "out" / "index.html", tmp_path, figures=5)


@pytest.mark.slow
def test_the_check_sees_a_broken_figure(browser, tmp_path):
    page = tmp_path / "broken.html"
    page.write_text(
        "<html><head><title>x</title></head><body>"
        '<img src="data:image/png;base64,AAAA"><script>nonsense()</script></body></html>'
    )
    title, complaints, _ = opened(browser, page, tmp_path)
    assert title.startswith("drawn 0 of 1")
    assert "nonsense is not defined" in complaints
