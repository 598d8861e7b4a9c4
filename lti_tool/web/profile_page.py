"""The profile as it is read: rows in three groups, net, self-image, and the same as tables.

Everything shown of a competence comes from one `Standing`, so picture, sentence and table agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from competency.framework import Competency, Framework
from competency.growth import Change
from competency.packs import Content
from competency.precedence import Aside
from competency.profile import SelfImage, Standing, Verdict
from competency.scale import MAX_LEVEL, MAX_STEP, on_scale
from competency.target import RoleProfile, Target
from lti_tool.flows.profiles import EvidenceLine, ProfileView
from lti_tool.web import charts, external, wording
from lti_tool.web.charts import AreaStanding, Bar, Net
from lti_tool.web.formats import day, moment, number
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

SHOWN_AT_ONCE = 6
FEW_ANSWERS = 5
NAMED = 4  # topics that a folded group names


@dataclass(frozen=True, slots=True)
class Row:
    code: str
    title: str
    plain: str
    verdict: str  # met | gap | open
    word: str
    bar: Bar
    label: str
    sentence: str
    you: str
    soll: str
    sure: str
    unknown: bool  # too little is known to name a level
    sources: tuple[str, ...]
    soll_from: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one verdict. `names` say in one line what is inside while it is folded."""

    key: str
    title: str
    names: str
    explained: tuple[str, ...]
    opened: bool
    all: str
    first: tuple[Row, ...]
    more: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SelfRow:
    title: str
    own: str
    test: str


@dataclass(frozen=True, slots=True)
class Table:
    short: str
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Then and now. `names` say in one line what is inside while it is folded."""

    since: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]  # title, topics
    unclear: str
    names: str


@dataclass(frozen=True, slots=True)
class ProfilePage:
    heading: str
    counts: str
    stand: str
    soll: str
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    levels: tuple[str, ...]
    approved: bool
    net: Net | None
    net_text: str
    net_key: str
    net_table: Table | None  # the numbers of a net of eight levels
    self_text: str
    self_images: tuple[SelfRow, ...]
    tables: tuple[Table, ...]
    news: str
    changed: Changed | None  # since a first measurement
    button: str  # leads to the path
    may_answer_more: bool
    precedence: tuple[str, ...]  # which evidence counts when there is more than one


def build(view: ProfileView, content: Content, scale: int = MAX_LEVEL) -> ProfilePage:
    """Return the page of a profile; `scale` 8 draws the net as the workshops of towns know it."""
    standings = _in_order(view.profile.required, view.target)
    rows = {s.competency: _row(s, view, content) for s in standings}
    groups = _groups(standings, rows)
    areas = charts.by_area(content.framework, standings)
    net = charts.net(areas, _shorts(content.framework), scale) if _enough(view) else None
    images = _self_images(view.profile.self_images)
    return ProfilePage(
        heading=_heading(standings),
        counts=_counts(standings, _roles(view)),
        soll=wording.soll(approved=view.target.approved),
        stand=_("As of %(moment)s. Only you see this page.", moment=moment(view.at)),
        rows=tuple(rows.values()),
        groups=groups,
        levels=wording.levels(),
        approved=view.target.approved,
        net=net,
        net_text=_net_text(areas, content.framework),
        net_key=_net_key(net),
        net_table=_net_table(net, content.framework),
        self_text=_self_text(images, content.framework),
        self_images=tuple(_self_row(i, content.framework) for i in images),
        tables=_tables(tuple(rows.values()), areas, images, content.framework),
        news=_news(view, content),
        changed=_changed(view, content.framework),
        button=_button(standings),
        may_answer_more=any(s.verdict is Verdict.OPEN for s in standings),
        precedence=wording.precedence(),
    )


def _enough(view: ProfileView) -> bool:
    return view.profile.answers >= FEW_ANSWERS


# --- rows -----------------------------------------------------------------------------------------


def _in_order(standings: Iterable[Standing], target: Target) -> tuple[Standing, ...]:
    """Return what rests on own evidence first, then what weighs most, then what is surest."""

    def rank(s: Standing) -> tuple[bool, float, float]:
        return (s.inferred, -target.weights.get(s.competency, 1.0), -abs(s.p - 0.5))

    return tuple(sorted(standings, key=rank))


def _row(s: Standing, view: ProfileView, content: Content) -> Row:
    topic = content.framework.topic(s.competency)
    title, word = local(topic, "title"), wording.verdict(s.verdict, inferred=s.inferred)
    you, soll, sure = _you(s), wording.level(s.soll), wording.how_sure(s)
    role = view.roles.get(view.target.sources.get(s.competency, ""))
    return Row(
        code=s.competency,
        title=title,
        plain=local(topic, "plain") if isinstance(topic, Competency) else "",
        verdict=s.verdict.value,
        word=word,
        bar=charts.bar(s),
        label=_label(s, title, you, soll, word),
        sentence=_sentence(s, you, soll, sure),
        you=you,
        soll=soll,
        sure=sure,
        unknown=_unknown(s),
        sources=evidence_sentences(evidence_for(s.competency, view, content.framework), content),
        soll_from=_soll_from(role),
    )


def evidence_for(code: str, view: ProfileView, framework: Framework) -> tuple[EvidenceLine, ...]:
    """Return the evidence about a competence, or about every competence of an area."""
    area = framework.areas_by_code.get(code)
    codes = [c.code for c in area.competencies] if area else [code]
    return tuple(line for c in codes for line in view.evidence.get(c, ()))


def _you(s: Standing) -> str:
    """Return where the person stands, in level words; a wide span names its sure end only."""
    if not wording.wide(s):
        return wording.span(s.low, s.high)
    if s.verdict is Verdict.MET:
        return _("at least %(level)s", level=wording.level(s.low))
    if s.verdict is Verdict.GAP:
        return _("at most %(level)s", level=wording.level(s.high))
    return wording.span(s.low, s.high)


def _unknown(s: Standing) -> bool:
    return s.verdict is Verdict.OPEN and wording.wide(s)


def _sentence(s: Standing, you: str, soll: str, sure: str) -> str:
    if _unknown(s):
        return _("%(little)s Needed: %(soll)s. %(sure)s", little=you, soll=soll, sure=sure)
    return _("You: %(you)s. Needed: %(soll)s. %(sure)s", you=you, soll=soll, sure=sure)


def _label(s: Standing, title: str, you: str, soll: str, word: str) -> str:
    if _unknown(s):
        return _(
            "%(title)s: %(word)s. Needed: %(soll)s. %(little)s",
            title=title, word=word, soll=soll, little=you,
        )  # fmt: skip
    return _(
        "%(title)s: %(you)s. Needed: %(soll)s. %(word)s.",
        title=title, you=you, soll=soll, word=word,
    )  # fmt: skip


def _soll_from(role: RoleProfile | None) -> str:
    if role is None:
        return ""
    name = local(role, "title")
    if role.approved:
        return _(
            "What is needed comes from the role “%(role)s” (version %(number)s, decided).",
            role=name,
            number=role.version,
        )
    return _(
        "What is needed comes from the role “%(role)s” (proposal, not decided yet).", role=name
    )


def evidence_sentences(lines: Sequence[EvidenceLine], content: Content) -> tuple[str, ...]:
    """Return the pieces of evidence in words: questions of one day together, units one by one."""
    counting = (e for e in lines if not e.disputed and not e.origin)
    others = (e for e in lines if not e.disputed and e.origin)
    by_day = sorted(
        counting,
        key=lambda e: (bool(e.unit), e.lms, e.review, e.self_report, bool(e.aside), e.at),
    )
    sentences = []
    for (_unit, _lms, _review, _self, _day, aside), found in groupby(
        by_day, key=lambda e: (e.unit, e.lms, e.review, e.self_report, day(e.at), e.aside)
    ):
        said = _evidence_sentence(list(found), content)
        if aside is Aside.SAME:
            why = _("It does not count: of one activity one result counts.")
            said = f"{said}. {why}"
        sentences.append(said)
    sentences += [external.sentence(e) for e in others]
    return (*sentences, *(said_against(e, content) for e in lines if e.disputed))


def _evidence_sentence(found: Sequence[EvidenceLine], content: Content) -> str:
    first, count, on = found[0], len(found), day(found[0].at)
    if first.origin:
        return external.name(first)
    if first.unit:
        unit = content.catalogue.by_key.get(first.unit)
        title = local(unit, "title") if unit else first.unit
        if first.review:
            return ngettext(
                "%(num)d question of the review of “%(title)s”, %(day)s",
                "%(num)d questions of the review of “%(title)s”, %(day)s",
                count,
                title=title,
                day=on,
            )
        return _("Learning unit “%(title)s” of %(day)s", title=title, day=on)
    if first.lms:
        return ngettext(
            "%(num)d activity in the learning portal, %(day)s",
            "%(num)d activities in the learning portal, %(day)s",
            count,
            day=on,
        )
    if first.self_report:
        return ngettext(
            "%(num)d self-rating of %(day)s", "%(num)d self-ratings of %(day)s", count, day=on
        )
    return ngettext("%(num)d question of %(day)s", "%(num)d questions of %(day)s", count, day=on)


def evidence_name(line: EvidenceLine, content: Content) -> str:
    """Return which piece this is, so that a person knows it again: its words and its day."""
    if (line.unit and not line.review) or line.item is None:
        return _evidence_sentence([line], content)
    stem, on = local(line.item, "stem"), day(line.at)
    if line.self_report:
        return _("Self-rating of %(day)s: “%(question)s”", day=on, question=stem)
    return _("Question of %(day)s: “%(question)s”", day=on, question=stem)


def said_against(line: EvidenceLine, content: Content) -> str:
    """Return a piece the learner disputed, with what was said and what follows from it."""
    kind, _colon, text = line.counter_statement.partition(": ")
    said = {
        "better": _("You say: I can do this better."),
        "worse": _("You say: I cannot do this yet."),
    }
    if not line.counts:
        said[kind] = _("You say: that was not me. It does not count.")
    name = evidence_name(line, content)
    own_words = _("Your words: “%(text)s”", text=text) if text else ""
    what = " ".join(part for part in (said.get(kind, ""), own_words) if part)
    return f"{name} – {what}"


# --- groups and counts ----------------------------------------------------------------------------


def _groups(standings: Sequence[Standing], rows: Mapping[str, Row]) -> tuple[Group, ...]:
    """Return the groups that have rows; what a person can do comes first."""
    by_verdict = {
        verdict: tuple(rows[s.competency] for s in standings if s.verdict is verdict)
        for verdict in _titles()
    }
    present = [verdict for verdict, members in by_verdict.items() if members]
    # On a phone one group lies open: what to learn next, or else the first there is.
    opened = Verdict.GAP if Verdict.GAP in present else present[0]
    return tuple(_group(v, by_verdict[v], opened=v is opened) for v in present)


def _group(verdict: Verdict, members: tuple[Row, ...], *, opened: bool) -> Group:
    return Group(
        key=verdict.value,
        title=f"{_titles()[verdict]}: {_topics(len(members))}",
        names=_names(members),
        explained=_explained(verdict),
        opened=opened,
        all=_("%(count)s more topics", count=len(members) - SHOWN_AT_ONCE),
        first=members[:SHOWN_AT_ONCE],
        more=members[SHOWN_AT_ONCE:],
    )


def _names(members: tuple[Row, ...]) -> str:
    named = " · ".join(row.title for row in members[:NAMED])
    if len(members) <= NAMED:
        return named
    return _("%(topics)s and %(count)s more", topics=named, count=len(members) - NAMED)


def _explained(verdict: Verdict) -> tuple[str, ...]:
    if verdict is not Verdict.OPEN:
        return ()
    return (
        _("“Still open” means: we do not know yet whether you meet what is needed."),
        _("It gets clear when you answer more questions or learn a unit about it."),
    )


def _titles() -> dict[Verdict, str]:
    return {
        Verdict.MET: _("Met"),
        Verdict.GAP: _("You learn this next"),
        Verdict.OPEN: _("Still open"),
    }


def _button(standings: Sequence[Standing]) -> str:
    if all(s.verdict is Verdict.MET for s in standings):
        return _("See offers for more")
    return _("See your learning path")


def _topics(count: int) -> str:
    return ngettext("%(num)d topic", "%(num)d topics", count)


def _heading(standings: Sequence[Standing]) -> str:
    met = [s for s in standings if s.verdict is Verdict.MET]
    if any(not s.inferred for s in met):
        return _("You can already do this")
    if met:
        return _("You can probably do this already")
    return _("This is where you stand")


def _counts(standings: Sequence[Standing], roles: str) -> str:
    of = {v: [s for s in standings if s.verdict is v] for v in _titles()}
    met, gap, still = (len(of[v]) for v in (Verdict.MET, Verdict.GAP, Verdict.OPEN))
    said = [_met(met, len(standings), roles)]
    if presumed := sum(s.inferred for s in of[Verdict.MET]):
        said.append(
            ngettext("%(num)d of them presumably.", "%(num)d of them presumably.", presumed)
        )
    if gap:
        said.append(
            ngettext("You learn %(num)d topic next.", "You learn %(num)d topics next.", gap)
        )
    if still:
        said.append(
            ngettext("%(num)d topic is still open.", "%(num)d topics are still open.", still)
        )
    return " ".join(said)


def _met(met: int, required: int, roles: str) -> str:
    if met == required:
        return _("You meet what is needed in all %(count)s topics.", count=met)
    return _(
        "%(met)s of %(count)s topics meet what your role “%(roles)s” needs.",
        met=met,
        count=required,
        roles=roles,
    )


def _roles(view: ProfileView) -> str:
    known = {key: local(r, "title") for key, r in view.roles.items()}
    return " + ".join(known.get(key, key) for key in view.target.roles)


def _news(view: ProfileView, content: Content) -> str:
    units = [content.catalogue.by_key[u] for u in view.news if u in content.catalogue.by_key]
    titles = wording.quoted(local(u, "title") for u in units)
    return _("Because you learned: %(titles)s.", titles=titles) if titles else ""


def _changed(view: ProfileView, framework: Framework) -> Changed | None:
    """Return what is surely different since the first measurement, of what the role needs."""
    if view.changes is None:
        return None
    needed = {s.competency for s in view.profile.required}
    topics: dict[Change, list[str]] = {change: [] for change in Change}
    for g in view.changes.found:
        if g.competency in needed:
            topics[g.change].append(local(framework.topic(g.competency), "title"))
    titles = {
        Change.GROWN: _("You can do more now"),
        Change.SHRUNK: _("Your answers showed more the first time"),
    }
    groups = tuple((title, tuple(topics[c])) for c, title in titles.items() if topics[c])
    unclear = ngettext(
        "In %(num)d topic no sure difference can be seen.",
        "In %(num)d topics no sure difference can be seen.",
        len(topics[Change.UNCLEAR]),
    )
    return Changed(
        since=_("You answered questions before, on %(day)s.", day=day(view.changes.since)),
        groups=groups,
        unclear=unclear if topics[Change.UNCLEAR] else "",
        names=" · ".join(f"{title}: {_topics(len(names))}" for title, names in groups) or unclear,
    )


# --- net and self-image ---------------------------------------------------------------------------


def _shorts(framework: Framework) -> dict[str, str]:
    return {a.code: local(a, "short") for a in framework.areas}


def _net_text(areas: Sequence[AreaStanding], framework: Framework) -> str:
    """Say in words what the net shows: the mean of each area's topics."""
    shorts = _shorts(framework)
    sentences = {
        Verdict.MET: _("Above the line: %(areas)s."),
        Verdict.GAP: _("Below the line: %(areas)s."),
        Verdict.OPEN: _("On the line, still open: %(areas)s."),
    }
    said = []
    for verdict, sentence in sentences.items():
        names = ", ".join(shorts[a.area] for a in areas if a.verdict is verdict)
        if names:
            said.append(sentence % {"areas": names})
    return " ".join(said)


def _net_key(net: Net | None) -> str:
    if net is None:
        return ""
    words = ", ".join(
        f"{wording.rings(n, net.scale)} = {wording.levels()[n]}"
        for n in range(1, len(net.rings) + 1)
    )
    return _(
        "Striped: your level. Dashed line with diamonds: what is needed. "
        "Each area is the mean of its topics. Rings: %(rings)s.",
        rings=words,
    )


def _net_table(net: Net | None, framework: Framework) -> Table | None:
    """Return the numbers of a net of eight levels; one of four is told in words further down."""
    if net is None or net.scale != MAX_STEP:
        return None
    titles = _shorts(framework)
    return Table(
        _("8 levels"),
        _("Areas on 8 levels (DigComp 2.2)"),
        (_("Area"), _("You"), _("Needed"), _("In the picture")),
        tuple(
            (
                titles[a.area],
                _("%(low)s to %(high)s", low=_eighth(a.low_pos), high=_eighth(a.high_pos)),
                _eighth(a.soll_pos),
                wording.verdict(a.verdict),
            )
            for a in net.areas
        ),
    )


def _eighth(position: float) -> str:
    return number(round(min(MAX_STEP, on_scale(position, MAX_STEP)), 1))


def _self_images(images: Sequence[SelfImage]) -> tuple[SelfImage, ...]:
    return tuple(i for i in images if i.word != "unknown")


def _self_row(image: SelfImage, framework: Framework) -> SelfRow:
    return SelfRow(
        title=_shorts(framework)[image.area],
        own=charts.percent(image.self_pos),
        test=charts.percent(image.test_pos),
    )


def _self_text(images: Sequence[SelfImage], framework: Framework) -> str:
    if not images:
        return _("We know too little about that yet.")
    shorts = _shorts(framework)
    higher = wording.quoted(shorts[i.area] for i in images if i.word == "higher")
    lower = wording.quoted(shorts[i.area] for i in images if i.word == "lower")
    sentences = []
    if higher:
        sentences.append(
            _("In %(areas)s you rate yourself higher than the questions show.", areas=higher)
        )
        sentences.append(_("Many people do."))
    if lower:
        sentences.append(_("In %(areas)s you can do more than you think.", areas=lower))
    return " ".join(sentences) or _("Your self-image and the questions fit well together.")


# --- tables ---------------------------------------------------------------------------------------


def _tables(
    rows: Sequence[Row],
    areas: Sequence[AreaStanding],
    images: Sequence[SelfImage],
    framework: Framework,
) -> tuple[Table, ...]:
    topics = Table(
        _("all topics"),
        _("All topics: where you are and what is needed"),
        (_("Topic"), _("Result"), _("You"), _("Needed"), _("How sure?")),
        tuple((r.title, r.word, r.you, r.soll, r.sure) for r in rows),
    )
    tables = (topics, _area_table(areas, framework))
    return (*tables, _self_table(images, framework)) if images else tables


def _area_table(areas: Sequence[AreaStanding], framework: Framework) -> Table:
    titles = {a.code: local(a, "title") for a in framework.areas}
    return Table(
        _("areas"),
        _("Areas: where you are and what is needed"),
        (_("Area"), _("You"), _("Needed"), _("In the picture"), _("Topics")),
        tuple(
            (
                titles[a.area],
                cells(a.low_pos, a.high_pos),
                cells(a.soll_pos, a.soll_pos),
                wording.verdict(a.verdict),
                _mix(a),
            )
            for a in areas
        ),
    )


def cells(low: float, high: float) -> str:
    """Return the level cells a stretch of the axis 0 to 5 lies in."""
    words = wording.levels()
    first, last = (words[min(4, max(0, int(x + 1e-9)))] for x in (low, high))
    return first if first == last else _("%(low)s to %(high)s", low=first, high=last)


def _mix(area: AreaStanding) -> str:
    return ", ".join(
        f"{count} {wording.verdict(verdict)}" for verdict, count in area.counts.items() if count
    )


def _self_table(images: Sequence[SelfImage], framework: Framework) -> Table:
    shorts = _shorts(framework)
    words = {
        "fits": _("fits well"),
        "higher": _("You rate yourself higher"),
        "lower": _("You can do more than you think"),
    }
    return Table(
        _("self-image and questions"),
        _("Self-image and questions by area"),
        (_("Area"), _("Your self-image"), _("Result of the questions"), _("Comparison")),
        tuple(
            (
                shorts[i.area],
                cells(i.self_pos, i.self_pos),
                cells(i.test_pos, i.test_pos),
                words.get(i.word, ""),
            )
            for i in images
        ),
    )
