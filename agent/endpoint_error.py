"""What a failed request to a model's endpoint means, in our fixed vocabulary."""

import openai

from agent.model_failure import FailureKind, ModelFailure


def classified(error: Exception) -> ModelFailure:
    """The failure that an error of the client library stands for.

    The provider's own words are never repeated: they may quote the key or the prompt.
    """
    kind = FailureKind
    # By name, too: the client library has changed the HTTP library below it once already.
    is_http = type(error).__module__.startswith("httpx")
    if isinstance(error, TimeoutError | openai.APITimeoutError) or (is_http and "Timeout" in type(error).__name__):
        return ModelFailure(kind.TIMEOUT, "it did not answer in time.")
    code = str(getattr(error, "code", None) or "")
    if code == "context_length_exceeded" or type(error).__name__.endswith("ContextOverflowError"):
        return ModelFailure(kind.CONTEXT_TOO_LONG, "the conversation is longer than it takes.")
    if code in ("content_filter", "content_policy_violation"):
        return ModelFailure(kind.REFUSED, "it refused to answer.")
    if isinstance(error, openai.APIStatusError):
        return _by_status(error.status_code, code, _retry_after_s(error))
    if isinstance(error, openai.APIError) or is_http:
        return ModelFailure(kind.UNAVAILABLE, f"it cannot be reached ({type(error).__name__}).", 0.0)
    return ModelFailure(kind.BAD_OUTPUT, f"its answer cannot be read ({type(error).__name__}).")


def _by_status(status: int, code: str, after: float) -> ModelFailure:
    if status in (401, 403):
        return ModelFailure(FailureKind.AUTH, f"it does not accept the key ({status}).")
    if status == 429:
        return ModelFailure(FailureKind.RATE_LIMIT, "it is asked too often (429).", after)
    if status >= 500 or status in (408, 409):
        return ModelFailure(FailureKind.UNAVAILABLE, f"it answered {status}.", after)
    word = code if code.isidentifier() else "no code"
    return ModelFailure(FailureKind.UNAVAILABLE, f"it does not take the request ({status}, {word[:40]}).")


def _retry_after_s(error: openai.APIStatusError) -> float:
    try:
        return max(float(error.response.headers.get("retry-after", 0)), 0.0)
    except ValueError:
        return 0.0
