// EventSource reads a thread through a cut: it reconnects by itself and says where it was.
//   node eventsource.mjs URL KEY THREAD CUT_AFTER LAST_KIND
import { EventSource } from "eventsource";

const [url, key, thread, cutAfter, lastKind] = process.argv.slice(2);
const kinds = [
  "message", "run.started", "token", "tool.started", "tool.finished", "evidence", "degraded", "run.model",
  "run.finished",
];
const ids = [], resumedFrom = [];
let connects = 0;
const source = new EventSource(`${url}/api/v1/threads/${thread}/events`, {
  // Each connection is cut by the reader's side of the wire after some events, as a proxy would.
  fetch: async (input, init) => {
    connects += 1;
    resumedFrom.push(init.headers["Last-Event-ID"] ?? null);
    const answer = await fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${key}` } });
    return connects === 1 ? cut(answer, Number(cutAfter)) : answer;
  },
});
for (const kind of kinds) {
  source.addEventListener(kind, (event) => {
    ids.push(Number(event.lastEventId));
    if (kind === lastKind) {
      console.log(JSON.stringify({ ids, connects, resumedFrom }));
      source.close();
      process.exit(0);
    }
  });
}

function cut(answer, events) {
  const reader = answer.body.getReader();
  let left = events, rest = "";
  const body = new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      rest += new TextDecoder().decode(value);
      const parts = rest.split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        controller.enqueue(new TextEncoder().encode(`${part}\n\n`));
        if (/^id:/m.test(part) && --left === 0) {
          await reader.cancel();
          return controller.close();
        }
      }
    },
  });
  const copy = new Response(body, { status: answer.status, headers: answer.headers });
  Object.defineProperty(copy, "url", { value: answer.url });
  return copy;
}
