// The OpenAI library for Node: models, a stream with its usage, an answer in one piece, and a wrong key.
//   node openai.mjs URL KEY QUESTION
import OpenAI from "openai";

const [url, apiKey, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const say = (what, more = {}) => console.log(JSON.stringify({ what, ...more }));
const messages = [{ role: "user", content: question }];

say("models", { ids: (await client.models.list()).data.map((model) => model.id) });
const stream = await client.chat.completions.create({
  model: "nightshift", messages, stream: true, stream_options: { include_usage: true },
});
let text = "", chunks = 0, finish = null, usage = null;
for await (const chunk of stream) {
  chunks += 1;
  text += chunk.choices[0]?.delta?.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}
say("stream", { text, chunks, finish, usage });
const whole = await client.chat.completions.create({ model: "nightshift", messages });
say("whole", { text: whole.choices[0].message.content, finish: whole.choices[0].finish_reason });
try {
  await new OpenAI({ baseURL: `${url}/v1`, apiKey: "ns_wrong", maxRetries: 0 }).models.list();
} catch (error) {
  say("refused", { status: error.status, type: error.type, kind: error.constructor.name });
}
