"""What the gate answers and why, in three languages; the guardrail's own detail comes after it as it is."""

from core.catalogue import Language, Phrase, language_of
from core.decision import Decision, Guardrail, Verb

VERBS = {
    Verb.REFUSE: Phrase("refused", "拒绝", "拒絕"),
    Verb.ALERT_ONLY: Phrase("only a person may", "只能由人处理", "只能由人處理"),
    Verb.WAIT_RETRY: Phrase("not now, later", "现在不行，稍后", "現在不行，稍後"),
    Verb.ASK: Phrase("allowed once approved", "批准后允许", "核准後允許"),
    Verb.AUTO: Phrase("allowed by a standing approval", "已有长期授权", "已有長期授權"),
}

GUARDRAILS = {
    Guardrail.KILL_SWITCH: Phrase("the kill switch is on", "总开关已停止一切操作", "總開關已停止一切操作"),
    Guardrail.OBSERVE_ONLY: Phrase("observe-only is on", "处于只观察模式", "處於只觀察模式"),
    Guardrail.MAINTENANCE: Phrase("maintenance", "维护中", "維護中"),
    Guardrail.FREEZE: Phrase("a freeze", "变更冻结", "變更凍結"),
    Guardrail.INCIDENT_OVER: Phrase("the incident is over", "事件已结束", "事件已結束"),
    Guardrail.UNKNOWN_PLAYBOOK: Phrase("no such playbook", "没有这个操作手册", "沒有這個操作手冊"),
    Guardrail.PROTECTED_RESOURCE: Phrase("the target is protected", "目标受保护", "目標受保護"),
    Guardrail.ACTS_NOT: Phrase("it only tells people", "它只通知人", "它只通知人"),
    Guardrail.HANDS_OFF: Phrase("policy keeps its hands off this", "策略不插手此类故障", "策略不插手此類故障"),
    Guardrail.ACTION_NOT_AVAILABLE: Phrase("nothing here can do it", "这里没有执行手段", "這裡沒有執行手段"),
    Guardrail.OUTSIDE_INCIDENT: Phrase(
        "the target is not part of the incident", "目标不属于此事件", "目標不屬於此事件"
    ),
    Guardrail.NOT_ALLOWED: Phrase("not on the allow-list", "不在允许清单中", "不在允許清單中"),
    Guardrail.UNKNOWN_PARAMETER: Phrase("a parameter does not fit", "参数不符", "參數不符"),
    Guardrail.NO_ENDPOINT: Phrase("no endpoint is registered", "没有登记执行端点", "沒有登記執行端點"),
    Guardrail.OPEN_EXECUTION: Phrase(
        "another action on it is not finished", "该目标上另一操作未结束", "該目標上另一操作未結束"
    ),
    Guardrail.CASCADE: Phrase("it may make things worse", "可能引发连锁故障", "可能引發連鎖故障"),
    Guardrail.RETRIES_SPENT: Phrase("tried often enough", "重试次数已用完", "重試次數已用完"),
    Guardrail.COOLDOWN: Phrase("tried a moment ago", "刚刚尝试过", "剛剛嘗試過"),
    Guardrail.BREAKER: Phrase("it failed too often of late", "近期失败过多", "近期失敗過多"),
    Guardrail.BLAST_RADIUS: Phrase("too many actions this hour", "本小时操作过多", "本小時操作過多"),
    Guardrail.SERVICE_BLAST_RADIUS: Phrase("too many actions on this service", "该服务操作过多", "該服務操作過多"),
    Guardrail.DRY_RUN: Phrase("dry run", "仅演练", "僅演練"),
    Guardrail.TRACK_RECORD: Phrase("it hardly ever helped here", "在此几乎从未有效", "在此幾乎從未有效"),
    Guardrail.STANDING_APPROVAL: Phrase("a standing approval", "长期授权", "長期授權"),
    Guardrail.TIER: Phrase("people must approve", "须由人批准", "須由人核准"),
    Guardrail.SHADOW: Phrase("shadow mode", "影子模式", "影子模式"),
}


def gate_words(decision: Decision, language: Language | str) -> str:
    """A decision in one line: `refused (cooldown: tried a moment ago). <detail>`."""
    spoken = language_of(language)
    verb, why = VERBS[decision.verb].text(spoken), GUARDRAILS[decision.guardrail].text(spoken)
    opening = (
        f"{verb} ({decision.guardrail}: {why})" if spoken is Language.EN else f"{verb}（{decision.guardrail}：{why}）"
    )
    return f"{opening} {decision.detail}".rstrip()
