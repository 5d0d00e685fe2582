"""What became of an action, and what else happens in an incident's thread, in words."""

from core.catalogue import Phrase

PHRASES = {
    # States of an execution.
    "proposed": Phrase("proposed", "已提议", "已提議"),
    "denied": Phrase("refused by policy", "被策略拒绝", "被策略拒絕"),
    "awaiting_approval": Phrase("waits for a decision", "等待决定", "等待決定"),
    "approved": Phrase("approved, begins now", "已批准，即将开始", "已核准，即將開始"),
    "rejected": Phrase("rejected", "已拒绝", "已拒絕"),
    "expired": Phrase("expired: nobody decided in time", "已过期：无人及时决定", "已過期：無人及時決定"),
    "superseded": Phrase("withdrawn", "已撤回", "已撤回"),
    "claimed": Phrase("looking once more before acting", "执行前再次检查", "執行前再次檢查"),
    "invalidated": Phrase("stopped before it began", "开始前被中止", "開始前被中止"),
    "running": Phrase("running", "执行中", "執行中"),
    "succeeded": Phrase("done", "已执行", "已執行"),
    "failed": Phrase("failed", "执行失败", "執行失敗"),
    "unknown": Phrase(
        "not known whether it happened; being looked into", "是否执行未知，正在查证", "是否執行未知，正在查證"
    ),
    "needs_human": Phrase(
        "not known whether it happened: a person has to look",
        "是否执行未知：需要人工查看",
        "是否執行未知：需要人工查看",
    ),
    "verifying": Phrase("done; watching whether it helps", "已执行，正在验证效果", "已執行，正在驗證效果"),
    "verified": Phrase("it helped; watched on", "有效，继续观察", "有效，持續觀察"),
    "ineffective": Phrase("it did not help", "没有效果", "沒有效果"),
    "inconclusive": Phrase("nobody can tell whether it helped", "无法判断是否有效", "無法判斷是否有效"),
    "stable": Phrase("it helped, and stayed so", "有效，且保持稳定", "有效，且維持穩定"),
    "regressed": Phrase("it helped, and the trouble came back", "曾有效，但问题复发", "曾有效，但問題復發"),
    # Why it ended before it began.
    "edited_by_person": Phrase(
        "edited by {who}: a new card follows", "{who} 已修改：新的卡片将随后发出", "{who} 已修改：新的卡片將隨後發出"
    ),
    "withdrawn_by_person": Phrase("withdrawn by {who}", "{who} 已撤回", "{who} 已撤回"),
    "incident_moved_on": Phrase("the incident moved on", "事件已有变化", "事件已有變化"),
    "alerts_moved": Phrase("its alerts belong to another incident now", "其告警已属于另一事件", "其告警已屬於另一事件"),
    "rules_changed": Phrase("the rules changed", "规则已变更", "規則已變更"),
    "restored_copy": Phrase("the database was restored from a copy", "数据库已从副本恢复", "資料庫已從副本還原"),
    "recovered_alone": Phrase("the trouble had gone before it acted", "执行前问题已自行消失", "執行前問題已自行消失"),
    "cascade": Phrase("a neighbour alarms since then", "此后相邻服务开始告警", "此後相鄰服務開始告警"),
    # Why a person is called.
    "because.only_a_human": Phrase("no action fits this trouble", "没有适合此故障的操作", "沒有適合此故障的操作"),
    # Who decided.
    "vote.approve": Phrase("{who} approved ({via})", "{who} 批准（{via}）", "{who} 核准（{via}）"),
    "vote.reject": Phrase(
        "{who} rejected ({via}): {reason}", "{who} 拒绝（{via}）：{reason}", "{who} 拒絕（{via}）：{reason}"
    ),
    "vote.glass": Phrase("{who} broke the glass: {reason}", "{who} 紧急越权：{reason}", "{who} 緊急越權：{reason}"),
    "vote.standing": Phrase("standing approval of {who}", "{who} 的长期批准", "{who} 的長期核准"),
    "vote.nobody": Phrase("nobody", "无人", "無人"),
    # One-off news in a thread, by kind.
    "news.reopened": Phrase("Open again", "再次打开", "再次開啟"),
    "news.worse": Phrase("More urgent now: {priority}", "紧急程度提高：{priority}", "緊急程度提高：{priority}"),
    "news.escalated": Phrase("Needs a person", "需要人工处理", "需要人工處理"),
    "news.stale": Phrase("Alerts have fallen silent", "告警不再上报", "告警不再上報"),
    "news.settled": Phrase("Flapping has settled", "抖动已平息", "抖動已平息"),
    "news.needs_human": Phrase(
        "Not known whether the action happened: please look", "操作是否执行未知：请查看", "操作是否執行未知：請查看"
    ),
    "news.restored": Phrase(
        "The database was restored; an action from before may have happened",
        "数据库已恢复；此前的操作可能已执行",
        "資料庫已還原；此前的操作可能已執行",
    ),
    "news.came_back": Phrase("The trouble came back", "问题复发", "問題復發"),
    "news.cascade": Phrase("A neighbour alarms since the action", "操作后相邻服务开始告警", "操作後相鄰服務開始告警"),
    "news.ended": Phrase(
        "What was asked for has ended: {state}", "请求的操作已结束：{state}", "請求的操作已結束：{state}"
    ),
    "news.call": Phrase(
        "Call {count}: nobody has acknowledged", "第 {count} 次呼叫：尚无人确认", "第 {count} 次呼叫：尚無人確認"
    ),
    "news.break_glass": Phrase("The glass was broken by {who}", "{who} 已紧急越权", "{who} 已緊急越權"),
    "news.other": Phrase("News about the incident", "事件有新情况", "事件有新情況"),
    # Answers.
    "answer.cancelled": Phrase("The answer was cancelled.", "回答已取消。", "回答已取消。"),
    "answer.failed": Phrase("No answer could be given: {reason}", "无法给出回答：{reason}", "無法給出回答：{reason}"),
    "answer.long": Phrase("It took too long to answer; ask again.", "回答超时，请再问一次。", "回答逾時，請再問一次。"),
    "answer.card": Phrase(
        "A card for a decision is in the incident's thread.",
        "待决定的卡片在事件的会话中。",
        "待決定的卡片在事件的對話中。",
    ),
}
"""Keys without a dot are states and reasons as they are stored."""
