"""What the rules answer in a chat, in three languages: short enough for a telephone in the night."""

from core.catalogue import Phrase

ANSWERS = {
    # How it speaks
    "without_model": Phrase(
        "Answered by fixed rules: no model is set.",
        "由固定规则回答：未配置模型。",
        "由固定規則回答：未設定模型。",
    ),
    "model_failed": Phrase(
        "Answered by fixed rules: the model gave no answer ({why}).",
        "由固定规则回答：模型没有给出回答（{why}）。",
        "由固定規則回答：模型沒有給出回答（{why}）。",
    ),
    "not_understood": Phrase(
        "That I cannot answer without a model.",
        "没有模型，我无法回答这个问题。",
        "沒有模型，我無法回答這個問題。",
    ),
    "cut": Phrase("… (cut here)", "……（此处截断）", "……（此處截斷）"),
    "help": Phrase(
        "I can answer: status · what changed · similar incidents · recommended fix · why not <action> · who approved · "
        "who is on call. Name an incident with its number: status #12.",
        "我可以回答：状态 · 有什么变更 · 类似事件 · 建议的修复 · 为什么不<操作> · 谁批准的 · 谁在值班。"
        "用编号指明事件：状态 #12。",
        "我可以回答：狀態 · 有什麼變更 · 類似事件 · 建議的修復 · 為什麼不<操作> · 誰核准的 · 誰在值班。"
        "用編號指明事件：狀態 #12。",
    ),
    "not_known": Phrase("Not known: {what}", "未知：{what}", "未知：{what}"),
    "more": Phrase("… and {count} more.", "……还有 {count} 项。", "……還有 {count} 項。"),
    "evidence": Phrase("Evidence {id}: {text}", "证据 {id}：{text}", "證據 {id}：{text}"),
    "evidence_outsider": Phrase(
        "Evidence {id} (an outsider could have written this): {text}",
        "证据 {id}（外部人员可能写入）：{text}",
        "證據 {id}（外部人員可能寫入）：{text}",
    ),
    "made_up": Phrase(
        "(There is no evidence {ids}: do not rely on what cites it.)",
        "（没有证据 {ids}：请勿依据引用它的内容。）",
        "（沒有證據 {ids}：請勿依據引用它的內容。）",
    ),
    # Which incident
    "which_incident": Phrase(
        "Which incident? Say it with its number, such as: status #{number}.",
        "哪个事件？请带上编号，例如：状态 #{number}。",
        "哪個事件？請帶上編號，例如：狀態 #{number}。",
    ),
    "no_such_incident": Phrase("There is no incident #{number}.", "没有事件 #{number}。", "沒有事件 #{number}。"),
    "none_open": Phrase("No incident is open.", "目前没有未解决的事件。", "目前沒有未解決的事件。"),
    "open_ones": Phrase("{count} incidents are open:", "有 {count} 个未解决的事件：", "有 {count} 個未解決的事件："),
    # Status
    "incident": Phrase(
        "#{number} {title}: {priority}, {state}, since {since} ({minutes} min), {firing} of {alerts} alerts firing.",
        "#{number} {title}：{priority}，{state}，始于 {since}（{minutes} 分钟），{alerts} 条告警中 {firing} 条在触发。",
        "#{number} {title}：{priority}，{state}，始於 {since}（{minutes} 分鐘），{alerts} 則告警中 {firing} 則在觸發。",
    ),
    "taken_by": Phrase("With: {who}.", "负责人：{who}。", "負責人：{who}。"),
    "nobody": Phrase("Nobody has taken it.", "尚无人认领。", "尚無人認領。"),
    "cause": Phrase("Cause ({cause}): {text}", "原因（{cause}）：{text}", "原因（{cause}）：{text}"),
    "cause_unconfirmed": Phrase(
        "Suspected, not confirmed ({cause}): {text}",
        "怀疑，未证实（{cause}）：{text}",
        "懷疑，未證實（{cause}）：{text}",
    ),
    "cause_unknown": Phrase("The cause is not known yet.", "原因尚不清楚。", "原因尚不清楚。"),
    "action": Phrase(
        "{playbook} on {target}: {state}.", "{playbook}（{target}）：{state}。", "{playbook}（{target}）：{state}。"
    ),
    "no_action": Phrase("No action was proposed yet.", "尚未提出任何操作。", "尚未提出任何操作。"),
    # Changes
    "changed": Phrase(
        "Changes of {services} from {start} to {end}:",
        "{services} 从 {start} 到 {end} 的变更：",
        "{services} 從 {start} 到 {end} 的變更：",
    ),
    "nothing_changed": Phrase(
        "No change of {services} was reported from {start} to {end}. What nobody reports is not seen.",
        "{services} 从 {start} 到 {end} 没有上报的变更。没有人上报的变更看不到。",
        "{services} 從 {start} 到 {end} 沒有回報的變更。沒有人回報的變更看不到。",
    ),
    "all_services": Phrase("all {count} services", "全部 {count} 个服务", "全部 {count} 個服務"),
    # History
    "similar": Phrase("Similar before #{number}:", "与 #{number} 类似的过往事件：", "與 #{number} 類似的過往事件："),
    "past_fix": Phrase(
        "#{number} ({day}): {event} Done: {action} Result: {result}",
        "#{number}（{day}）：{event} 处理：{action} 结果：{result}",
        "#{number}（{day}）：{event} 處理：{action} 結果：{result}",
    ),
    "nothing_similar": Phrase(
        "No similar incident with a known outcome is remembered.",
        "没有记录到结果已知的类似事件。",
        "沒有記錄到結果已知的類似事件。",
    ),
    "recommended": Phrase(
        "{playbook} ({title}): helped {record}. Basis: {basis}.",
        "{playbook}（{title}）：有效 {record}。依据：{basis}。",
        "{playbook}（{title}）：有效 {record}。依據：{basis}。",
    ),
    "because": Phrase("Because: {text}.", "理由：{text}。", "理由：{text}。"),
    "else": Phrase(
        "Else {playbook}: helped {record}.", "或者 {playbook}：有效 {record}。", "或者 {playbook}：有效 {record}。"
    ),
    "no_fix": Phrase(
        "No playbook that acts fits this trouble.", "没有适合这类故障的操作手册。", "沒有適合這類故障的操作手冊。"
    ),
    "gate_now": Phrase(
        "Policy now on {target}: {words}", "策略当前（{target}）：{words}", "策略目前（{target}）：{words}"
    ),
    # Why not
    "gate_says": Phrase(
        "{playbook} on {target}: {words}", "{playbook}（{target}）：{words}", "{playbook}（{target}）：{words}"
    ),
    "nothing_refused": Phrase(
        "Nothing was refused on #{number}.", "#{number} 没有操作被拒绝。", "#{number} 沒有操作被拒絕。"
    ),
    "was_refused": Phrase(
        "{playbook} on {target} was refused: {words}",
        "{playbook}（{target}）被拒绝：{words}",
        "{playbook}（{target}）被拒絕：{words}",
    ),
    "no_target": Phrase(
        "{playbook} has nothing here that it could act on.",
        "{playbook} 在此没有可操作的对象。",
        "{playbook} 在此沒有可操作的對象。",
    ),
    "other_chosen": Phrase("{playbook} was proposed instead.", "已改为提议 {playbook}。", "已改為提議 {playbook}。"),
    "fits_not": Phrase(
        "It is not written for this kind of trouble ({kind}).",
        "它不适用于这类故障（{kind}）。",
        "它不適用於這類故障（{kind}）。",
    ),
    # Who approved
    "vote_approve": Phrase(
        "{who} approved at {at} by {via}.", "{who} 于 {at} 通过 {via} 批准。", "{who} 於 {at} 透過 {via} 核准。"
    ),
    "vote_reject": Phrase(
        "{who} rejected at {at} by {via}.", "{who} 于 {at} 通过 {via} 拒绝。", "{who} 於 {at} 透過 {via} 拒絕。"
    ),
    "with_words": Phrase("Said: “{text}”", "理由：“{text}”", "理由：「{text}」"),
    "glass": Phrase("{who} broke the glass: {text}", "{who} 紧急越权：{text}", "{who} 緊急越權：{text}"),
    "standing": Phrase("{who} allowed it beforehand: {text}", "{who} 事先授权：{text}", "{who} 事先授權：{text}"),
    "still_asked": Phrase(
        "{votes} of {needed} approved ({role}); open until {until}.",
        "已批准 {votes}/{needed}（{role}）；截止 {until}。",
        "已核准 {votes}/{needed}（{role}）；截止 {until}。",
    ),
    "nobody_decided": Phrase("Nobody decided it: {state}.", "无人决定：{state}。", "無人決定：{state}。"),
    "nothing_asked": Phrase(
        "Nobody was asked to approve anything yet.", "尚未请求任何人批准。", "尚未請求任何人核准。"
    ),
    # On call
    "on_call": Phrase(
        "On call for {rota}: {who} ({reason}).", "{rota} 值班：{who}（{reason}）。", "{rota} 值班：{who}（{reason}）。"
    ),
    "on_call_until": Phrase(
        "On call for {rota}: {who} ({reason}) until {until}.",
        "{rota} 值班：{who}（{reason}），至 {until}。",
        "{rota} 值班：{who}（{reason}），至 {until}。",
    ),
    "no_rota": Phrase(
        "There is no rota: who is on call is not known.", "没有值班表：不知道谁在值班。", "沒有值班表：不知道誰在值班。"
    ),
    # What a wish came to
    "proposed": Phrase(
        "Proposed in your name: {playbook} on {target}. {approvers} × {role} must approve until {until}; "
        "nothing happens before.",
        "已以您的名义提议：{playbook}（{target}）。须由 {approvers} 位 {role} 在 {until} 前批准；此前不会执行。",
        "已以您的名義提議：{playbook}（{target}）。須由 {approvers} 位 {role} 在 {until} 前核准；此前不會執行。",
    ),
    "wish_refused": Phrase(
        "Policy does not let {playbook} on {target} pass: {words}",
        "策略不允许 {playbook}（{target}）：{words}",
        "策略不允許 {playbook}（{target}）：{words}",
    ),
    "may_not_propose": Phrase(
        "Your role may not propose actions: a responder may.",
        "您的角色无权提议操作：需要 responder。",
        "您的角色無權提議操作：需要 responder。",
    ),
    "incident_over": Phrase(
        "#{number} is {state}: there is nothing left to act on.",
        "#{number} {state}：没有可操作的内容。",
        "#{number} {state}：沒有可操作的內容。",
    ),
}

STATES = {
    # Of incidents
    "open": Phrase("open", "未处理", "未處理"),
    "acknowledged": Phrase("acknowledged", "已确认", "已確認"),
    "mitigated": Phrase("mitigated", "已缓解", "已緩解"),
    "resolved": Phrase("resolved", "已解决", "已解決"),
    "escalated": Phrase("escalated", "已升级", "已升級"),
    "merged": Phrase("merged into another", "已并入其他事件", "已併入其他事件"),
    # Of executions and approvals
    "proposed": Phrase("being decided", "正在判定", "正在判定"),
    "denied": Phrase("refused by policy", "被策略拒绝", "被策略拒絕"),
    "awaiting_approval": Phrase("waits for approval", "等待批准", "等待核准"),
    "pending": Phrase("waits for approval", "等待批准", "等待核准"),
    "approved": Phrase("approved, not begun", "已批准，未开始", "已核准，未開始"),
    "consumed": Phrase("approved and used", "已批准并使用", "已核准並使用"),
    "rejected": Phrase("rejected", "已被拒绝", "已被拒絕"),
    "expired": Phrase("expired undecided", "已过期，未决定", "已過期，未決定"),
    "superseded": Phrase("withdrawn, the incident moved on", "已撤回，事件已有变化", "已撤回，事件已有變化"),
    "claimed": Phrase("about to run", "即将执行", "即將執行"),
    "invalidated": Phrase("not run, things had changed", "未执行，情况已变", "未執行，情況已變"),
    "running": Phrase("running", "正在执行", "正在執行"),
    "succeeded": Phrase("done, not verified yet", "已执行，尚未验证", "已執行，尚未驗證"),
    "failed": Phrase("failed", "执行失败", "執行失敗"),
    "unknown": Phrase("sent, its effect is not known", "已发出，效果未知", "已發出，效果未知"),
    "needs_human": Phrase("a person has to look whether it happened", "需人工确认是否已执行", "需人工確認是否已執行"),
    "verifying": Phrase("done, being verified", "已执行，正在验证", "已執行，正在驗證"),
    "verified": Phrase("helped, still watched", "有效，仍在观察", "有效，仍在觀察"),
    "ineffective": Phrase("done, did not help", "已执行，无效", "已執行，無效"),
    "inconclusive": Phrase(
        "done, no signal can tell whether it helped", "已执行，无信号可判断效果", "已執行，無訊號可判斷效果"
    ),
    "stable": Phrase("helped, and it stayed well", "有效且保持稳定", "有效且保持穩定"),
    "recovered_alone": Phrase("recovered before it acted", "执行前已自行恢复", "執行前已自行恢復"),
    "regressed": Phrase("helped, then the trouble came back", "曾有效，故障又复发", "曾有效，故障又復發"),
    # Why somebody is on call
    "override": Phrase("stands in", "代班", "代班"),
    "shift": Phrase("by the shift", "按班次", "按班次"),
    "nobody_planned": Phrase("fallback, nobody is planned", "后备，无人排班", "後備，無人排班"),
    "person_left": Phrase("fallback, whose turn it is has left", "后备，轮到的人已离开", "後備，輪到的人已離開"),
}
"""What the enumerated states are called."""
