"""Who learns where: the persons, courses and activities of Musterstadt. All of it is fiction.

Read from `courses.json`. `cm` is the course-module id, as in Moodle's addresses; `unit` is the
Lerneinheit behind an activity. Only some activities publish it as their idnumber: for the others
the tool needs the mapping table, as with a real platform.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """A fictional employee; `locale` is the name of a Moodle language pack, not BCP 47."""

    key: str
    id: int
    username: str
    given_name: str
    family_name: str
    work: str
    idnumber: str
    locale: str
    home_course: int
    admin: bool
    groups: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def email(self) -> str:
        return f"{self.username}@musterstadt.example"


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that is true or not."""

    text: str
    true: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """A course module of kind `page` or `quiz`."""

    cm: int
    kind: str
    unit: str
    title: str
    idnumber: str
    questions: tuple[Question, ...] = ()

    @property
    def path(self) -> str:
        return f"/mod/{self.kind}/view.php?id={self.cm}"


@dataclass(frozen=True, slots=True)
class Link:
    """The LTI activity of a course."""

    id: int
    cm: int
    title: str
    description: str
    custom: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Course:
    """A course with its one LTI link and its activities in their order."""

    id: int
    shortname: str
    fullname: str
    idnumber: str
    about: str
    section: int
    link: Link
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Everything the platform teaches and everyone it knows. All persons are in all courses."""

    persons: tuple[Person, ...]
    courses: tuple[Course, ...]

    def person(self, person_id: int) -> Person | None:
        return next((p for p in self.persons if p.id == person_id), None)

    def person_by_key(self, key: str) -> Person | None:
        return next((p for p in self.persons if p.key == key), None)

    def course(self, course_id: int) -> Course | None:
        return next((c for c in self.courses if c.id == course_id), None)

    def link(self, cm: int) -> tuple[Course, Link] | None:
        return next(((c, c.link) for c in self.courses if c.link.cm == cm), None)

    def activity(self, cm: int) -> tuple[Course, Activity] | None:
        return next(((c, a) for c in self.courses for a in c.activities if a.cm == cm), None)

    def courses_of(self, person: Person) -> list[Course]:
        """All courses, the person's own first."""
        return sorted(self.courses, key=lambda c: (c.id != person.home_course, c.id))


@cache
def load() -> World:
    """Return the world of `courses.json`."""
    raw = json.loads(files("demo").joinpath("courses.json").read_text(encoding="utf-8"))
    persons = tuple(Person(**person) for person in raw["persons"])
    return World(persons, tuple(_course(course) for course in raw["courses"]))


def _course(raw: dict[str, Any]) -> Course:
    link = Link(**raw.pop("link"))
    activities = tuple(_activity(activity) for activity in raw.pop("activities"))
    return Course(**raw, link=link, activities=activities)


def _activity(raw: dict[str, Any]) -> Activity:
    questions = tuple(Question(**question) for question in raw.pop("questions", ()))
    return Activity(**raw, questions=questions)
