"""What the doors of other companies' clients say by themselves."""

from core.catalogue import Phrase

PHRASES = {
    "approve_with": Phrase(
        "To decide, write exactly one of these lines as a message of its own (your key needs the role {role}):",
        "要做决定，请单独发送以下其中一行，内容必须完全一致（您的密钥需要 {role} 角色）：",
        "要做決定，請單獨傳送以下其中一行，內容必須完全一致（您的金鑰需要 {role} 角色）：",
    ),
    "reason_goes_here": Phrase("the reason", "原因", "原因"),
    "restarted": Phrase(
        "(The answer was cut and begins again.)", "（回答中断，重新开始。）", "（回答中斷，重新開始。）"
    ),
    "approved": Phrase(
        "Approved: {playbook} on {target}. It begins now; ask for the status to see how it went.",
        "已批准：在 {target} 上执行 {playbook}。现在开始；询问状态即可了解结果。",
        "已核准：在 {target} 上執行 {playbook}。現在開始；詢問狀態即可了解結果。",
    ),
    "votes_missing": Phrase(
        "Your approval of {playbook} on {target} counts. It waits for {missing} more.",
        "您对在 {target} 上执行 {playbook} 的批准已计入，还需 {missing} 人批准。",
        "您對在 {target} 上執行 {playbook} 的核准已計入，還需 {missing} 人核准。",
    ),
    "rejected": Phrase(
        "Rejected: {playbook} on {target}. Nothing was done.",
        "已拒绝：在 {target} 上执行 {playbook}。没有执行任何操作。",
        "已拒絕：在 {target} 上執行 {playbook}。沒有執行任何操作。",
    ),
    "left_waiting": Phrase(
        "Nothing was decided: {playbook} on {target} still waits for an answer.",
        "没有做出决定：在 {target} 上执行 {playbook} 仍在等待答复。",
        "沒有做出決定：在 {target} 上執行 {playbook} 仍在等待答覆。",
    ),
    "still_running": Phrase(
        "It still goes on; ask for the status later.", "仍在进行；请稍后询问状态。", "仍在進行；請稍後詢問狀態。"
    ),
    "refused": Phrase("Not decided: {detail}", "没有决定：{detail}", "沒有決定：{detail}"),
    "too_long": Phrase(
        "The answer takes long. It goes on in the thread {thread}; ask again to see it.",
        "回答耗时较长，仍在会话 {thread} 中继续；请稍后再问。",
        "回答耗時較長，仍在對話 {thread} 中繼續；請稍後再問。",
    ),
}
