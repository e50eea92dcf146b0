// Makes the calls that come as JSON on standard input, one after another, and prints what each gave, on one line.
// A call is {"method": "dlq.listMessages", "args": [...]}; `verify` is the Receiver's.
import { readFileSync } from "node:fs";
import { Client, Receiver } from "@upstash/qstash";

const { client: settings, receiver: keys, calls } = JSON.parse(readFileSync(0, "utf8"));
const retry = { retries: 3, backoff: () => 5 };
const client = new Client(settings ? { ...settings, retry } : { retry });
const receiver = new Receiver(keys ?? undefined);
const answers = [];
for (const { method, args } of calls) {
  try {
    const path = method === "verify" ? [] : method.split(".");
    const name = path.pop() ?? "verify";
    const owner = method === "verify" ? receiver : path.reduce((value, key) => value[key], client);
    answers.push({ value: await owner[name](...args) });
  } catch (error) {
    answers.push({ error: error.message, name: error.name, status: error.status });
  }
}
process.stdout.write(`\nanswers: ${JSON.stringify(answers)}\n`);
