// A bot on grammY, as a second opinion on the fake: node telegram_second_opinion.cjs API_ROOT TOKEN CHAT APPROVER
// It posts a card, decides on buttons, provokes refusals, and prints one JSON line for each thing it saw.
const { Bot, GrammyError, InlineKeyboard, InputFile } = require("grammy");

const [apiRoot, token, chat, approver] = process.argv.slice(2);
const bot = new Bot(token, { client: { apiRoot } });
const say = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));

async function refusal(call) {
  try {
    await call();
    return { accepted: true };
  } catch (error) {
    if (!(error instanceof GrammyError)) throw error;
    return { code: error.error_code, description: error.description, parameters: error.parameters };
  }
}

bot.callbackQuery(/^ap:approve:(.+)$/, async (ctx) => {
  if (String(ctx.from.id) !== approver) {
    await ctx.answerCallbackQuery({ text: "not possible", show_alert: true });
    return say("refused", { by: ctx.from.id });
  }
  await ctx.answerCallbackQuery({ text: "ok" });
  await ctx.editMessageText(`approved by ${ctx.from.id}`);
  say("approved", { id: ctx.match[1], update: ctx.update.update_id });
});
bot.command("stop", async (ctx) => {
  say("stopping", { text: ctx.match });
  await bot.stop();
});

(async () => {
  const topic = await bot.api.createForumTopic(chat, "shop: disk full");
  const keyboard = new InlineKeyboard().text("Approve", "ap:approve:0123456789ab");
  const thread = { message_thread_id: topic.message_thread_id };
  const card = await bot.api.sendMessage(chat, "card", { reply_markup: keyboard, ...thread });
  await bot.api.sendDocument(chat, new InputFile(Buffer.from("line\n"), "run.log"), { caption: "the log", ...thread });
  say("card", { message: card.message_id, thread: card.message_thread_id });
  say("html", await refusal(() => bot.api.sendMessage(chat, "a < b", { parse_mode: "HTML" })));
  const long = new InlineKeyboard().text("x", "x".repeat(65));
  say("data", await refusal(() => bot.api.sendMessage(chat, "x", { reply_markup: long })));
  const same = { reply_markup: keyboard };
  say("same", await refusal(() => bot.api.editMessageText(chat, card.message_id, "card", same)));
  say("many", await refusal(async () => {
    for (let i = 0; i < 40; i++) await bot.api.sendMessage(approver, `message ${i}`);
  }));
  await bot.start({ onStart: () => say("polling") });
  say("end");
})();
