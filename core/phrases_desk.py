"""What the desk says to people who press buttons and write commands: what was done, why not, and what is asked for."""

from core.catalogue import Phrase

# Where a key is a reason, `no.` and `done.` stand before the names of core.desk.Refusal and core.desk.Done.
PHRASES = {
    "done.approved": Phrase(
        "Approved. It runs as soon as the last checks pass.",
        "已批准。最后的检查通过后立即执行。",
        "已核准。最後的檢查通過後立即執行。",
    ),
    "done.voted": Phrase(
        "Your approval counts: {votes} of {needed}.",
        "您的批准已计入：{votes}/{needed}。",
        "您的核准已計入：{votes}/{needed}。",
    ),
    "done.rejected": Phrase("Rejected. Nothing is done.", "已拒绝，不会执行任何操作。", "已拒絕，不會執行任何操作。"),
    "done.edited": Phrase(
        "Edited. The action as it is now has a card of its own, and waits for approval.",
        "已修改。修改后的操作有新的卡片，等待批准。",
        "已修改。修改後的操作有新的卡片，等待核准。",
    ),
    "done.asked": Phrase("I am looking into it.", "我来看看。", "我來看看。"),
    "done.acknowledged": Phrase(
        "#{number} is acknowledged: nobody else is called for now.",
        "#{number} 已确认，暂不再呼叫其他人。",
        "#{number} 已確認，暫不再呼叫其他人。",
    ),
    "done.acknowledged_before": Phrase(
        "#{number} was acknowledged before, by {by}.",
        "#{number} 之前已由 {by} 确认。",
        "#{number} 之前已由 {by} 確認。",
    ),
    "done.taken_over": Phrase(
        "#{number} is assigned to you.", "#{number} 已转交给您。", "#{number} 已轉交給您。"
    ),
    "done.silenced": Phrase(
        "The alerts of #{number} are silent until {until}.",
        "#{number} 的告警静默至 {until}。",
        "#{number} 的告警靜默至 {until}。",
    ),
    "done.silenced_before": Phrase(
        "The alerts of #{number} are silent already, until {until}.",
        "#{number} 的告警已处于静默中，至 {until}。",
        "#{number} 的告警已處於靜默中，至 {until}。",
    ),
    "done.escalated": Phrase(
        "Everybody is called about #{number}.", "已就 #{number} 通知所有人。", "已就 #{number} 通知所有人。"
    ),
    "done.escalated_before": Phrase(
        "#{number} is escalated already.", "#{number} 已经升级。", "#{number} 已經升級。"
    ),
    "done.stopped": Phrase(
        "STOP is on: no action starts any more. An operator lifts it: `nightshift kill off`.",
        "紧急停止已开启：不再启动任何操作。由运维人员用 `nightshift kill off` 解除。",
        "緊急停止已開啟：不再啟動任何操作。由維運人員用 `nightshift kill off` 解除。",
    ),
    "done.stopped_before": Phrase(
        "STOP is on already: no action starts. An operator lifts it: `nightshift kill off`.",
        "紧急停止早已开启：不会启动任何操作。由运维人员用 `nightshift kill off` 解除。",
        "緊急停止早已開啟：不會啟動任何操作。由維運人員用 `nightshift kill off` 解除。",
    ),
    "done.undo_proposed": Phrase(
        "The way back is proposed, and its card waits for approval.",
        "已提出回退操作，其卡片等待批准。",
        "已提出回退操作，其卡片等待核准。",
    ),
    "done.fix_told": Phrase("Thank you, I will remember it: {did}", "谢谢，已记住：{did}", "謝謝，已記住：{did}"),
    "done.linked": Phrase(
        "This account is {person} now, with the role {role}.",
        "此账号现在是 {person}，角色为 {role}。",
        "此帳號現在是 {person}，角色為 {role}。",
    ),
    "done.shown": Phrase("Here it is.", "如下。", "如下。"),
    "done.words_needed": Phrase("I need a few words first.", "请先补充说明。", "請先補充說明。"),
    "no.no_such_channel": Phrase(
        "This chat is not connected to Nightshift (any more).",
        "此聊天（已）未连接到 Nightshift。",
        "此聊天（已）未連接到 Nightshift。",
    ),
    "no.other_platform": Phrase(
        "This came from another platform than the channel's.",
        "该操作来自其他平台，与频道不符。",
        "該操作來自其他平台，與頻道不符。",
    ),
    "no.no_such_ticket": Phrase(
        "I do not know this button (any more).", "无法识别此按钮（可能已失效）。", "無法識別此按鈕（可能已失效）。"
    ),
    "no.foreign_ticket": Phrase(
        "This button belongs to another channel.", "此按钮属于其他频道。", "此按鈕屬於其他頻道。"
    ),
    "no.old_ticket": Phrase(
        "This button is too old; use a newer message.",
        "此按钮已过期，请使用较新的消息。",
        "此按鈕已過期，請使用較新的訊息。",
    ),
    "no.other_verb": Phrase(
        "This button does something else than it says; nothing was done.",
        "此按钮与其内容不符，未执行任何操作。",
        "此按鈕與其內容不符，未執行任何操作。",
    ),
    "no.other_chat": Phrase(
        "This does not work in this chat; use the one that Nightshift writes to, or a private one.",
        "此聊天中不可用；请在 Nightshift 所在的聊天或私聊中使用。",
        "此聊天中不可用；請在 Nightshift 所在的聊天或私聊中使用。",
    ),
    "no.other_message": Phrase(
        "This button is not of this message; use the newest message.",
        "此按钮不属于这条消息，请使用最新的消息。",
        "此按鈕不屬於這則訊息，請使用最新的訊息。",
    ),
    "no.not_linked": Phrase(
        "I do not know who you are: run `nightshift identities link`, then send me /link CODE in private.",
        "我不知道您是谁：请用 `nightshift identities link` 获取代码，并在私聊中发送 /link CODE。",
        "我不知道您是誰：請用 `nightshift identities link` 取得代碼，並在私聊中傳送 /link CODE。",
    ),
    "no.role_missing": Phrase(
        "This needs the role {needed}; you have the role {role}.",
        "此操作需要角色 {needed}，您的角色是 {role}。",
        "此操作需要角色 {needed}，您的角色是 {role}。",
    ),
    "no.repeated": Phrase("I have this one already.", "已收到，不再重复处理。", "已收到，不再重複處理。"),
    "no.too_long": Phrase(
        "That is too long: at most {most} characters.",
        "内容过长：最多 {most} 个字符。",
        "內容過長：最多 {most} 個字元。",
    ),
    "no.bad_input": Phrase("That does not work: {detail}", "无法处理：{detail}", "無法處理：{detail}"),
    "no.not_found": Phrase("{detail}", "未找到：{detail}", "未找到：{detail}"),
    "no.no_such_incident": Phrase(
        "There is no incident #{number}; /incidents lists those that are open.",
        "没有事件 #{number}；可用 /incidents 查看未结事件。",
        "沒有事件 #{number}；可用 /incidents 查看未結事件。",
    ),
    "no.moved_on": Phrase("Things have moved on: {detail}", "情况已变化：{detail}", "情況已變化：{detail}"),
    "no.decided": Phrase(
        "This was decided before: {state}{by}.", "之前已有决定：{state}{by}。", "之前已有決定：{state}{by}。"
    ),
    "no.expired": Phrase(
        "Its time is over; a new proposal is needed.", "已过期，需要新的提议。", "已過期，需要新的提議。"
    ),
    "no.voted_already": Phrase(
        "You have decided this already; others have to.", "您已经做过决定，需要其他人。", "您已經做過決定，需要其他人。"
    ),
    "no.incident_over": Phrase(
        "#{number} is over: there is nothing left to do about it.",
        "#{number} 已结束，无需再处理。",
        "#{number} 已結束，無需再處理。",
    ),
    "no.nothing_fires": Phrase(
        "No alert of #{number} fires now: there is nothing to silence.",
        "#{number} 目前没有触发的告警，无需静默。",
        "#{number} 目前沒有觸發的告警，無需靜默。",
    ),
    "no.too_wide": Phrase(
        "#{number} has more than {most} kinds of alerts: silence them by `nightshift silences`.",
        "#{number} 的告警种类超过 {most} 种，请用 `nightshift silences` 静默。",
        "#{number} 的告警種類超過 {most} 種，請用 `nightshift silences` 靜默。",
    ),
    "no.nothing_to_undo": Phrase(
        "This cannot be undone from here: {detail}", "无法在此撤销：{detail}", "無法在此撤銷：{detail}"
    ),
    "no.undo_waits": Phrase(
        "The way back is proposed already, or was taken.", "回退操作已提出或已执行。", "回退操作已提出或已執行。"
    ),
    "no.no_such_command": Phrase(
        "I do not know this command. Try /help.", "未知命令，请使用 /help。", "未知指令，請使用 /help。"
    ),
    "no.no_incident_named": Phrase(
        "Which incident? Write its number: /ack 12", "哪个事件？请写编号：/ack 12", "哪個事件？請寫編號：/ack 12"
    ),
    "no.no_code": Phrase(
        "Get a code with `nightshift identities link`, then send: /link CODE",
        "请用 `nightshift identities link` 获取代码，然后发送：/link CODE",
        "請用 `nightshift identities link` 取得代碼，然後傳送：/link CODE",
    ),
    "no.not_here": Phrase(
        "Not in a group, where everybody reads the code: get a new one, and send it to me in a private chat.",
        "请勿在群组中发送，所有人都能看到代码：请重新获取，并在私聊中发送给我。",
        "請勿在群組中傳送，所有人都能看到代碼：請重新取得，並在私聊中傳送給我。",
    ),
    "no.busy": Phrase(
        "This does not work right now; try again in a moment.",
        "暂时无法处理，请稍后再试。",
        "暫時無法處理，請稍後再試。",
    ),
    "no.other_action": Phrase(
        "The action is not the one that you saw: decide on the newest card.",
        "该操作与您看到的不同：请在最新的卡片上决定。",
        "該操作與您看到的不同：請在最新的卡片上決定。",
    ),
    "no.requester_is_approver": Phrase(
        "Who asked for this action cannot approve it; somebody else has to.",
        "提出此操作的人不能批准，需要其他人批准。",
        "提出此操作的人不能核准，需要其他人核准。",
    ),
    "no.same_action": Phrase(
        "Nothing was changed: decide on the action as it is.",
        "没有任何修改：请对原操作做决定。",
        "沒有任何修改：請對原操作做決定。",
    ),
    "no.code_no_good": Phrase(
        "This code is no good (any more): `nightshift identities link` prints a new one.",
        "此代码无效（或已失效），请用 `nightshift identities link` 重新获取。",
        "此代碼無效（或已失效），請用 `nightshift identities link` 重新取得。",
    ),
    "no.linked_to_another": Phrase(
        "This account is somebody else's: they, or an admin, revoke that first.",
        "此账号已关联他人，需由本人或管理员先撤销。",
        "此帳號已關聯他人，需由本人或管理員先撤銷。",
    ),
    "no.too_many_tries": Phrase(
        "Too many tries; wait a few minutes.", "尝试次数过多，请等几分钟。", "嘗試次數過多，請等幾分鐘。"
    ),
    "no.other": Phrase("Refused ({reason}): {detail}", "已拒绝（{reason}）：{detail}", "已拒絕（{reason}）：{detail}"),
    "by": Phrase(" by {names}", "，{names}", "，{names}"),
    "ask.reason": Phrase("Why is it rejected?", "拒绝的原因？", "拒絕的原因？"),
    "ask.question": Phrase(
        "What do you want to know about #{number}?",
        "关于 #{number} 想了解什么？",
        "關於 #{number} 想了解什麼？",
    ),
    "ask.edit": Phrase(
        "What is different? One line for each: name=value; and why.",
        "要改什么？每行一项：name=value；并说明原因。",
        "要改什麼？每行一項：name=value；並說明原因。",
    ),
    "ask.fixed_by": Phrase(
        "What fixed #{number}? A playbook's name, words, or `alone` if it went away by itself.",
        "#{number} 是怎么修好的？写操作手册名称、文字说明，或自行恢复则写 `alone`。",
        "#{number} 是怎麼修好的？寫操作手冊名稱、文字說明，或自行恢復則寫 `alone`。",
    ),
    "reopened.undo": Phrase("the action is to be undone", "要撤销该操作", "要撤銷該操作"),
    "field.reason": Phrase("Reason", "原因", "原因"),
    "field.question": Phrase("Question", "问题", "問題"),
    "field.playbook": Phrase("Playbook", "操作手册", "操作手冊"),
    "field.words": Phrase("In words", "文字说明", "文字說明"),
    "field.alone": Phrase("It went away alone (yes)", "自行恢复（yes）", "自行恢復（yes）"),
    "told.stop": Phrase("STOP: no action starts any more", "紧急停止：不再启动任何操作", "緊急停止：不再啟動任何操作"),
    "told.silence": Phrase("#{number} is silent", "#{number} 已静默", "#{number} 已靜默"),
    "row.by": Phrase("By", "由", "由"),
    "row.until": Phrase("Until", "直到", "直到"),
    "row.reason": Phrase("Reason", "原因", "原因"),
    "row.off": Phrase("Lifted with", "解除方式", "解除方式"),
    "row.alerts": Phrase("Alerts", "告警", "告警"),
    "incidents.title": Phrase("Open incidents: {count}", "未结事件：{count}", "未結事件：{count}"),
    "incidents.none": Phrase("No incident is open.", "没有未结事件。", "沒有未結事件。"),
    "incidents.more": Phrase("and {count} more", "另有 {count} 个", "另有 {count} 個"),
    "incidents.line": Phrase(
        "{priority} · {state} · {firing} firing · {title}",
        "{priority} · {state} · {firing} 个触发中 · {title}",
        "{priority} · {state} · {firing} 個觸發中 · {title}",
    ),
    "state.open": Phrase("open", "未处理", "未處理"),
    "state.acknowledged": Phrase("acknowledged", "已确认", "已確認"),
    "state.mitigated": Phrase("mitigated", "已缓解", "已緩解"),
    "state.escalated": Phrase("escalated", "已升级", "已升級"),
    "state.pending": Phrase("pending", "待定", "待定"),
    "state.approved": Phrase("approved", "已批准", "已核准"),
    "state.rejected": Phrase("rejected", "已拒绝", "已拒絕"),
    "state.superseded": Phrase("superseded", "已被取代", "已被取代"),
    "state.expired": Phrase("expired", "已过期", "已過期"),
    "state.consumed": Phrase("approved and used", "已批准并使用", "已核准並使用"),
    "oncall.title": Phrase("On call now", "当前值班", "目前值班"),
    "oncall.none": Phrase(
        "There is no rota yet: add one with `nightshift rota`.",
        "还没有值班表，请用 `nightshift rota` 添加。",
        "還沒有值班表，請用 `nightshift rota` 新增。",
    ),
    "oncall.until": Phrase("{person}, until {until}", "{person}，至 {until}", "{person}，至 {until}"),
    "help.title": Phrase("What you can write here", "可以使用的命令", "可以使用的指令"),
    "help.incidents": Phrase("open incidents", "未结事件", "未結事件"),
    "help.ack": Phrase("you look at it: /ack 12", "由您处理：/ack 12", "由您處理：/ack 12"),
    "help.ask": Phrase("ask in words, about an incident or in general", "用文字提问", "用文字提問"),
    "help.oncall": Phrase("who is on call", "谁在值班", "誰在值班"),
    "help.stop": Phrase("no action starts any more", "停止所有操作", "停止所有操作"),
    "help.link": Phrase(
        "who you are, with a code of `nightshift identities link`; in private",
        "关联身份，代码来自 `nightshift identities link`；请私聊",
        "關聯身分，代碼來自 `nightshift identities link`；請私聊",
    ),
    "help.help": Phrase("this list", "本列表", "本列表"),
}  # fmt: skip
