"""What is said about incidents in chats: the page, findings, the card, storms, and the question after it."""

from core.catalogue import Phrase

PHRASES = {
    # Labels, used in several messages.
    "state": Phrase("State", "状态", "狀態"),
    "service": Phrase("Service", "服务", "服務"),
    "firing": Phrase("Firing", "正在告警", "正在告警"),
    "silent": Phrase("Unknown", "未知", "未知"),
    "often": Phrase("How often", "频率", "頻率"),
    "since": Phrase("Since", "开始时间", "開始時間"),
    "assignee": Phrase("In charge", "负责人", "負責人"),
    "storm": Phrase("Storm", "告警风暴", "告警風暴"),
    "action": Phrase("Action", "操作", "操作"),
    "playbook": Phrase("Playbook", "操作手册", "操作手冊"),
    "neighbour": Phrase("Neighbour", "相邻服务", "相鄰服務"),
    "more": Phrase("and {count} more", "另有 {count} 项", "另有 {count} 項"),
    "does": Phrase("Does", "作用", "作用"),
    "target": Phrase("Target", "目标", "目標"),
    "why": Phrase("Why", "原因", "原因"),
    "evidence": Phrase("Evidence", "证据", "證據"),
    "unknown": Phrase("Not known", "尚不清楚", "尚不清楚"),
    "but": Phrase("But", "但是", "但是"),
    "users_now": Phrase("Now", "当前影响", "目前影響"),
    "reach": Phrase("Reaches", "影响范围", "影響範圍"),
    "others": Phrase("May undo it", "可能将其改回", "可能將其改回"),
    "if_nothing": Phrase("If nothing is done", "如果不处理", "如果不處理"),
    "helped": Phrase("Helped before", "以往效果", "以往效果"),
    "instead": Phrase("Instead", "备选", "備選"),
    "way_back": Phrase("Way back", "撤销方式", "復原方式"),
    "expires": Phrase("Expires", "失效时间", "失效時間"),
    "who": Phrase("Who decides", "由谁决定", "由誰決定"),
    "votes": Phrase("So far", "目前进度", "目前進度"),
    "decided": Phrase("Decided by", "决定人", "決定人"),
    "verdict": Phrase("Verdict", "判定", "判定"),
    "learned": Phrase("Learned", "学到的", "學到的"),
    "cause": Phrase("Cause", "根因", "根因"),
    "similar": Phrase("Like", "类似事件", "類似事件"),
    "answer": Phrase("Target said", "目标返回", "目標回覆"),
    "worst": Phrase("The worst", "最严重的", "最嚴重的"),
    "called": Phrase("Called", "已呼叫", "已呼叫"),
    "called_by": Phrase("Called by", "呼叫人", "呼叫人"),
    "reason": Phrase("Reason", "理由", "理由"),
    "fixed": Phrase("Fixed by", "解决方式", "解決方式"),
    # The page.
    "page.open": Phrase("open, nobody has taken it yet", "未处理，尚无人接手", "未處理，尚無人接手"),
    "page.acknowledged": Phrase("acknowledged by {who}", "{who} 已确认", "{who} 已確認"),
    "page.mitigated": Phrase("mitigated, watched on", "已缓解，继续观察", "已緩解，持續觀察"),
    "page.escalated": Phrase("needs a person", "需要人工处理", "需要人工處理"),
    "page.resolved": Phrase("resolved, {by}", "已解决，{by}", "已解決，{by}"),
    "page.merged": Phrase("merged into another incident", "已并入另一事件", "已併入另一事件"),
    "page.over": Phrase("no alert fires any more", "所有告警已恢复", "所有告警已恢復"),
    "page.by_person": Phrase("by a person", "由人工处理", "由人工處理"),
    "page.by": Phrase("by {who}", "由 {who} 处理", "由 {who} 處理"),
    "page.firing": Phrase("{firing} of {alerts}", "{alerts} 条告警中的 {firing} 条", "{alerts} 則告警中的 {firing} 則"),
    "page.alert": Phrase(
        "{count} × {name} · {service}", "{count} × {name} · {service}", "{count} × {name} · {service}"
    ),
    "page.silent": Phrase(
        "{count} alerts have fallen silent: not known whether they are over",
        "{count} 条告警不再上报：是否恢复未知",
        "{count} 則告警不再上報：是否恢復未知",
    ),
    "page.aggregate": Phrase(
        "{count} alerts of {resource} in {seconds} s as one",
        "{resource} 在 {seconds} 秒内的 {count} 条告警合为一条",
        "{resource} 在 {seconds} 秒內的 {count} 則告警合為一則",
    ),
    "page.storm": Phrase("part of storm #{number}", "属于告警风暴 #{number}", "屬於告警風暴 #{number}"),
    "page.flaps": Phrase("{names}: comes and goes", "{names}：反复出现又恢复", "{names}：反覆出現又恢復"),
    "often.rare": Phrase("first in 30 days", "30 天内首次", "30 天內首次"),
    "often.again": Phrase(
        "{count} in {window}",
        "{window}内第 {count} 次",
        "{window}內第 {count} 次",
    ),
    "often.counted": Phrase("{times}, this one included", "{times}（含本次）", "{times}（含本次）"),
    "window.hour": Phrase("1 h", "1 小时", "1 小時"),
    "window.day": Phrase("24 h", "24 小时", "24 小時"),
    "window.week": Phrase("7 days", "7 天", "7 天"),
    "window.month": Phrase("30 days", "30 天", "30 天"),
    # Findings.
    "finding.title": Phrase("What was found", "调查结果", "調查結果"),
    "finding.again": Phrase(
        "What was found, attempt {attempt}", "调查结果（第 {attempt} 次）", "調查結果（第 {attempt} 次）"
    ),
    "finding.unconfirmed": Phrase("not confirmed: {text}", "未证实：{text}", "未證實：{text}"),
    "finding.outsider": Phrase(
        "{text} [text an outsider can write]", "{text} [外部人员可写入的文本]", "{text} [外部人員可寫入的文字]"
    ),
    "finding.by_rules": Phrase("found by rules", "由规则得出", "由規則得出"),
    "finding.by_model": Phrase(
        "found by {by}, checked by rules", "由 {by} 得出，已经规则核对", "由 {by} 得出，已經規則核對"
    ),
    "finding.degraded": Phrase("without a model: {reason}", "未使用模型：{reason}", "未使用模型：{reason}"),
    "finding.record": Phrase("{playbook}: {record}", "{playbook}：{record}", "{playbook}：{record}"),
    "finding.past": Phrase(
        "{incident}: {action} → {result}", "{incident}：{action} → {result}", "{incident}：{action} → {result}"
    ),
    "cause.dependency_down": Phrase(
        "a dependency of {service} is down", "{service} 的依赖不可用", "{service} 的相依服務不可用"
    ),
    "cause.bad_release": Phrase("a bad release of {service}", "{service} 的版本有问题", "{service} 的版本有問題"),
    "cause.change": Phrase("a change of {service}", "{service} 的变更", "{service} 的變更"),
    "cause.instance_down": Phrase(
        "an instance of {service} is down", "{service} 的一个实例不可用", "{service} 的一個執行個體不可用"
    ),
    "cause.unknown": Phrase("not known", "未知", "未知"),
    # The card.
    "card.title": Phrase("Approve? {title}", "是否批准？{title}", "是否核准？{title}"),
    "card.unconfirmed": Phrase("{text} (not confirmed)", "{text}（未证实）", "{text}（未證實）"),
    "card.keeps": Phrase(
        "{alerts} alerts keep firing on {services}",
        "{services} 上的 {alerts} 条告警将持续",
        "{services} 上的 {alerts} 則告警將持續",
    ),
    "card.over": Phrase("no alert fires any more", "已没有告警", "已沒有告警"),
    "card.stopped": Phrase(
        "STOP is on: nothing starts before an operator lifts it",
        "紧急停止已开启：操作员解除前不会启动任何操作",
        "緊急停止已開啟：操作員解除前不會啟動任何操作",
    ),
    "card.who": Phrase("{count} × {role}", "{count} × {role}", "{count} × {role}"),
    "card.votes": Phrase("{have}/{need}: {names}", "{have}/{need}：{names}", "{have}/{need}：{names}"),
    "card.bound": Phrase("exactly this action: {hash}", "仅限此操作：{hash}", "僅限此操作：{hash}"),
    "record.never": Phrase("never tried here", "此处从未尝试", "此處從未嘗試"),
    "record.counts": Phrase(
        "{helped} of {tried} ({low}-{high} %)",
        "{tried} 次中 {helped} 次有效（{low}-{high} %）",
        "{tried} 次中 {helped} 次有效（{low}-{high} %）",
    ),
    "record.here": Phrase("on this service: {counts}", "本服务：{counts}", "本服務：{counts}"),
    "record.here_never": Phrase("never on this service", "本服务从未尝试", "本服務從未嘗試"),
    "record.returned": Phrase(
        "the trouble was back within 24 h after {count} of {helped}",
        "{helped} 次有效后有 {count} 次在 24 小时内复发",
        "{helped} 次有效後有 {count} 次在 24 小時內復發",
    ),
    "record.by_hand": Phrase("people did it by hand: {count}", "人工执行过：{count} 次", "人工執行過：{count} 次"),
    "record.similar": Phrase("in similar incidents: {counts}", "类似事件中：{counts}", "類似事件中：{counts}"),
    "record.elsewhere": Phrase("in other trouble: {counts}", "其他故障中：{counts}", "其他故障中：{counts}"),
    "record.apart": Phrase(
        "teach nothing (no effect, unknown, recovered alone): {count}",
        "不计入（无作用、未知、自行恢复）：{count}",
        "不計入（無作用、未知、自行恢復）：{count}",
    ),
    # Buttons.
    "button.approve": Phrase("Approve", "批准", "核准"),
    "button.reject": Phrase("Reject…", "拒绝…", "拒絕…"),
    "button.ask": Phrase("Ask", "提问", "提問"),
    "button.edit": Phrase("Edit…", "修改…", "修改…"),
    "button.acknowledge": Phrase("Acknowledge", "确认", "確認"),
    "button.take_over": Phrase("Take over", "接手", "接手"),
    "button.silence_1h": Phrase("Silence 1 h", "静默 1 小时", "靜默 1 小時"),
    "button.escalate": Phrase("Escalate", "升级", "升級"),
    "button.stop": Phrase("STOP", "紧急停止", "緊急停止"),
    "button.undo": Phrase("Undo…", "撤销…", "復原…"),
    "button.fixed_by": Phrase("What fixed it?", "是什么解决的？", "是什麼解決的？"),
    # Storms, and what fixed it.
    "storm.title": Phrase(
        "Storm #{number}: {count} incidents", "告警风暴 #{number}：{count} 个事件", "告警風暴 #{number}：{count} 個事件"
    ),
    "storm.lasts": Phrase("goes on; told here as one", "仍在持续；在此合并通知", "仍在持續；在此合併通知"),
    "storm.over": Phrase("over since {time} UTC", "已于 {time} UTC 结束", "已於 {time} UTC 結束"),
    "fix.title": Phrase("#{number}: what fixed it?", "#{number}：是什么解决的？", "#{number}：是什麼解決的？"),
    "fix.text": Phrase(
        "Name the playbook, say it in words, or that it went away alone. It is remembered for the next time.",
        "请写出操作手册名、用文字说明，或说明它自行消失。下次会记得。",
        "請寫出操作手冊名、用文字說明，或說明它自行消失。下次會記得。",
    ),
    "fix.told": Phrase("#{number}: fixed by hand", "#{number}：已人工解决", "#{number}：已人工解決"),
    "fix.alone": Phrase("nothing: it went away alone", "未处理：自行消失", "未處理：自行消失"),
    "fix.by": Phrase("told by {who}", "由 {who} 说明", "由 {who} 說明"),
    "test": Phrase(
        "A test by {person}: nothing is wrong, and this is where incidents will be told.",
        "{person} 发出的测试：一切正常，今后的事件会通知到这里。",
        "{person} 發出的測試：一切正常，今後的事件會通知到這裡。",
    ),
}
"""Every label, sentence and button of messages about incidents."""
