"""The verdicts on a recipe's stages, kept with what they were passed on."""

import dataclasses
import hashlib
import json
from pathlib import Path

from musclemimic_sim import EnvConfig, InputError, write_json, write_text

from musclemimic_rl.policy import load_policy
from musclemimic_rl.recipe.config import WalkRecipe
from musclemimic_rl.recipe.display import StageBar
from musclemimic_rl.recipe.judge import Verdict, judge


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

    def judge(self, stage: str, task: EnvConfig, policy: Path | None = None) -> None:
        """Judge a stage, unless the same task and policy have been judged already.

        Args:
            stage: its name in the table.
            task: what the policy, or action 0, acts in; without restarts.
            policy: a file; none acts 0.
        """
        digest = hashlib.sha256(json.dumps(dataclasses.asdict(task)).encode())
        if policy is not None:
            digest.update(policy.read_bytes())
        subject = digest.hexdigest()
        if self._subjects.get(stage) == subject:
            return
        same = next((s for s, known in self._subjects.items() if known == subject), None)
        self.verdicts[stage] = (
            self._judged(stage, task, policy) if same is None else self.verdicts[same]
        )
        self._subjects[stage] = subject
        self._write()

    def _judged(self, stage: str, task: EnvConfig, policy: Path | None) -> Verdict:
        recipe = self._recipe
        with StageBar(f"judging: {stage}", visible=self._show) as bar:
            return judge(
                recipe.clips,
                task,
                recipe.judge,
                policy=None if policy is None else load_policy(policy),
                recipe=recipe,
                on_step=bar.on_step(recipe.judge.horizon_s),
            )

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
