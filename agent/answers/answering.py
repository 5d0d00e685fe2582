"""The way from a recognised question to its answer, in one table."""

from collections.abc import Awaitable, Callable

from agent.about import About, Said
from agent.answers.changes import what_changed
from agent.answers.decisions import who_approved
from agent.answers.history import recommended_fix, similar_incidents
from agent.answers.policy import why_not
from agent.answers.rota import who_is_on_call
from agent.answers.status import overview, status
from core.asked import Question
from store.pool import Row

IN_GENERAL: dict[Question, Callable[[About], Awaitable[Said]]] = {
    Question.STATUS: status,
    Question.CHANGES: what_changed,
    Question.WHO_APPROVED: who_approved,
    Question.ON_CALL: who_is_on_call,
}
OF_AN_INCIDENT: dict[Question, Callable[[About, Row], Awaitable[Said]]] = {
    Question.SIMILAR: similar_incidents,
    Question.RECOMMENDED: recommended_fix,
    Question.WHY_NOT: why_not,
}


async def answer_question(about: About) -> Said:
    """The answer of the rules; what they do not understand, they say, with what they can answer."""
    question = about.asked.question
    if question is Question.HELP:
        return Said((about.say("help"),))
    if question is Question.UNKNOWN:
        return Said((about.say("not_understood"), about.say("help")))
    if about.missing is not None:
        return Said((about.say("no_such_incident", number=about.missing),))
    if question in IN_GENERAL:
        return await IN_GENERAL[question](about)
    if about.incident is not None:
        return await OF_AN_INCIDENT[question](about, about.incident)
    listed = overview(about)
    if not about.open:
        return listed
    return Said((about.say("which_incident", number=about.open[0]["number"]), *listed.lines))
