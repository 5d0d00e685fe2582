"""What we say in Slack and nowhere else: the question before STOP, forms, and words about the form of a message."""

from core.catalogue import Phrase

PHRASES = {
    "stop.title": Phrase("Stop all actions?", "停止所有操作？", "停止所有操作？"),
    "stop.text": Phrase(
        "Nightshift starts nothing more until somebody lifts the stop. What runs now is not cut off.",
        "在有人解除停止之前，Nightshift 不会再启动任何操作。正在运行的不会被中断。",
        "在有人解除停止之前，Nightshift 不會再啟動任何操作。正在執行的不會被中斷。",
    ),
    "stop.confirm": Phrase("Stop", "停止", "停止"),
    "stop.deny": Phrase("Go back", "返回", "返回"),
    "form.reason": Phrase("Reject", "拒绝", "拒絕"),
    "form.edit": Phrase("Edit the action", "修改操作", "修改操作"),
    "form.question": Phrase("Ask Nightshift", "向 Nightshift 提问", "向 Nightshift 提問"),
    "form.fixed_by": Phrase("What fixed it?", "是怎么修好的？", "是怎麼修好的？"),
    "form.submit": Phrase("Send", "发送", "送出"),
    "form.close": Phrase("Cancel", "取消", "取消"),
    "form.too_short": Phrase(
        "Please say a little more: others will read it and learn from it.",
        "请再多写一点：其他人会阅读并从中学习。",
        "請再多寫一點：其他人會閱讀並從中學習。",
    ),
    "form.late": Phrase(
        "That took too long for a form; press the button again.",
        "打开表单超时，请再按一次按钮。",
        "開啟表單逾時，請再按一次按鈕。",
    ),
    "whole": Phrase("The whole message is in the file below.", "完整消息见下方文件。", "完整訊息見下方檔案。"),
    "busy": Phrase(
        "I cannot do this right now. Please try again in a moment.",
        "我现在无法处理，请稍后再试。",
        "我現在無法處理，請稍後再試。",
    ),
}
