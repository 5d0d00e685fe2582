// @ag-ui/client to the end: ask, be interrupted by a card, see a new run refused while it waits, answer it.
//   node ag_ui.mjs URL KEY THREAD QUESTION [VERDICT]
// Prints one JSON line for each thing it saw.
import { HttpAgent } from "@ag-ui/client";

const [url, key, threadId, question, verdict] = process.argv.slice(2);
const say = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));
const agent = new HttpAgent({ url: `${url}/ag-ui`, threadId, headers: { Authorization: `Bearer ${key}` } });

async function run(what, parameters) {
  const types = [];
  const seen = { errors: [], custom: [] };
  const result = await agent.runAgent(parameters, {
    onEvent: ({ event }) => void types.push(event.type),
    onCustomEvent: ({ event }) => void seen.custom.push(event.name),
    onRunErrorEvent: ({ event }) => void seen.errors.push(event.code),
  });
  say(what, {
    types,
    ...seen,
    text: result.newMessages.filter((m) => m.role === "assistant").map((m) => m.content ?? "").join("\n"),
    tools: result.newMessages.flatMap((m) => (m.toolCalls ?? []).map((call) => call.function.name)),
    results: result.newMessages.filter((m) => m.role === "tool").map((m) => m.content),
    pending: agent.pendingInterrupts.map((i) => ({ id: i.id, reason: i.reason, message: i.message })),
  });
}

agent.addMessage({ id: "m1", role: "user", content: question });
await run("asked", {});
if (agent.pendingInterrupts.length) {
  try {
    await run("asked again", {});
  } catch (error) {
    say("client refused", { message: error.message });
  }
}
for (const interrupt of verdict ? agent.pendingInterrupts.slice() : []) {
  const payload = { verdict, reason: "seen", intent_hash: interrupt.metadata.nightshift.intentHash };
  await run("resumed", { resume: [{ interruptId: interrupt.id, status: "resolved", payload }] });
}
say("end");
