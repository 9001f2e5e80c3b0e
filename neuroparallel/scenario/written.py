"""A scenario as it is written: the keys of a scenario file, each of which is checked by itself."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, field_validator

from neuroparallel.errors import nearest
from neuroparallel.modifiers import list_modifiers
from neuroparallel.registry import entry_name
from neuroparallel.scenario.schema import (
    Group,
    Number,
    Part,
    Session,
    Stream,
    Subject,
    Whole,
    check_file_name,
    check_names,
)

__all__ = ["Signature", "WrittenScenario"]

Signature: TypeAlias = Literal[
    "none",
    "additivity",
    "chronometric",
    "distractor",
    "game",
    "prp",
    "psychometric",
    "stop_signal",
    "switch_cost",
    "two_step",
]  # analyses, which `neuroparallel.reporting` has


class WrittenScenario(Part):
    """The keys of a scenario file; `Scenario` describes them."""

    name: Annotated[str, AfterValidator(check_file_name)] = Field(description="also the name of the folder of its runs")
    description: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    signature: Signature | None = Field(
        None, description="the analysis that it is known by, which run and report print and draw"
    )
    dt: Number | None = Field(None, gt=0, description="time step, ms")
    seed: Whole | None = Field(None, ge=0, lt=2**63)
    session: Session | None = None
    subjects: dict[str, Subject] = Field(min_length=1)
    groups: dict[str, Group] = Field(default_factory=dict)
    wrappers: tuple[Any, ...] = ()
    policies: Literal["shared", "independent", "streams"] | dict[str, str] | None = Field(
        None, description="who learns together: all, none, streams by themselves, or agent to name of a policy"
    )
    train: dict[str, Any] | None = None
    tune: dict[str, Any] | None = None

    @field_validator("subjects")
    @classmethod
    def _good_names(cls, subjects: dict[str, Subject]) -> dict[str, Subject]:
        check_names(subjects, "subject")
        return subjects

    @field_validator("wrappers")
    @classmethod
    def _known_wrappers(cls, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        """Names only, as the files beside this one have them; options are checked when they are applied."""
        if not entries:
            return entries
        folder = Path(__file__).parent.parent / "wrappers"
        known = [m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_")] + list_modifiers()
        for position, entry in enumerate(entries):
            name = entry_name(entry)
            if name and not name.startswith("supersuit.") and name not in known:
                raise ValueError(f"wrappers.{position}: there is no wrapper {name!r}.{nearest(name, known)}")
        return entries

    @property
    def title(self) -> str:
        """The name, and behind it the modifiers of its streams in their order: ``random_dots, trial_history``."""
        names = [entry_name(entry) for _, stream in self.stream_items() for entry in stream.modifiers]
        return ", ".join([self.name, *dict.fromkeys(names)])

    def stream_items(self) -> Iterator[tuple[str, Stream]]:
        """All streams, as ("subject_0.memory", stream), in order."""
        for subject, spec in self.subjects.items():
            for key, stream in spec.streams.items():
                yield f"{subject}.{key}", stream
