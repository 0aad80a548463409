"""The verdicts on a recipe's stages, kept with what they were passed on."""

import dataclasses
import hashlib
import json
from pathlib import Path

from musclemimic_sim import InputError, WholeBodyConfig, write_json, write_text

from musclemimic_rl.policy import load_policy
from musclemimic_rl.recipe.config import WalkRecipe
from musclemimic_rl.recipe.display import StageBar
from musclemimic_rl.recipe.judge import Verdict, judge, whole_body_task


class Ledger:
    """verdicts.json and verdicts.md of a recipe's folder.

    Attributes:
        verdicts: by stage.
    """

    def __init__(self, recipe: WalkRecipe, *, show_progress: bool) -> None:
        """Read what is there.

        Raises:
            InputError: the file is damaged.
        """
        self._recipe, self._show = recipe, show_progress
        self._file = recipe.out / "verdicts.json"
        self.verdicts: dict[str, Verdict] = {}
        self._subjects: dict[str, str] = {}
        if self._file.exists():
            try:
                for stage, row in json.loads(self._file.read_text()).items():
                    self._subjects[stage] = row.pop("subject_sha256")
                    self.verdicts[stage] = Verdict(**row)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InputError(
                    self._file,
                    "file",
                    found=f"unreadable ({error!r})",
                    expected="verdicts by stage",
                ) from error

    def judge(self, stage: str, gains: WholeBodyConfig, policy: Path | None = None) -> None:
        """Judge a stage, unless the same gains and policy have been judged already."""
        digest = hashlib.sha256(json.dumps(dataclasses.asdict(gains)).encode())
        if policy is not None:
            digest.update(policy.read_bytes())
        if self._subjects.get(stage) == digest.hexdigest():
            return
        recipe = self._recipe
        with StageBar(f"judging: {stage}", visible=self._show) as bar:
            self.verdicts[stage] = judge(
                recipe.clips,
                whole_body_task(gains, auto_reset=False),
                recipe.judge,
                policy=None if policy is None else load_policy(policy),
                recipe=recipe,
                on_step=bar.on_step(recipe.judge.horizon_s),
            )
        self._subjects[stage] = digest.hexdigest()
        self._write()

    def _write(self) -> None:
        rows = {
            stage: {**vars(verdict), "subject_sha256": self._subjects[stage]}
            for stage, verdict in self.verdicts.items()
        }
        write_json(self._file, rows)
        lines = [
            "| stage | >= goal | to the horizon | mean, s | median, s | worst, s | activation | "
            "sites, cm |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {stage} | {100 * v.success:.0f} % | {100 * v.complete:.0f} % | {v.mean_s:.2f} | "
            f"{v.median_s:.2f} | {v.worst_s:.2f} | {v.activation:.3f} | "
            f"{100 * v.site_error_m:.1f} |"
            for stage, v in self.verdicts.items()
        ]
        write_text(self._file.with_suffix(".md"), "\n".join(lines) + "\n")
