"""Pages that open anywhere: sections of text, tables and pictures in one HTML file."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2
from matplotlib.figure import Figure

from musclemimic_eval.grids import Grid
from musclemimic_eval.render import png_bytes
from musclemimic_eval.summary import Tile


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows."""

    png: bytes
    caption: str

    @property
    def base64(self) -> str:
        """For a data URL."""
        return base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        anchor: id of the heading. title: the heading.
        text: paragraphs. grids, pictures: in this order below.
        notes: what to be wary of, set apart.
    """

    anchor: str
    title: str
    text: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()


def picture(figure: Figure, caption: str) -> Picture:
    """A figure as PNG."""
    return Picture(png_bytes(figure), caption)


def templates() -> jinja2.Environment:
    """The package's page templates: values are escaped, missing ones are errors."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("musclemimic_eval"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )


def render_sections(
    *,
    title: str,
    byline: str,
    summary: str,
    tiles: Sequence[Tile],
    sections: Sequence[Section],
    provenance: Grid,
) -> str:
    """A whole page of sections."""
    return (
        templates()
        .get_template("sections.html.j2")
        .render(
            title=title,
            byline=byline,
            summary=summary,
            tiles=tiles,
            sections=sections,
            provenance=provenance,
        )
    )
