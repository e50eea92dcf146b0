// A job from its creation to its end and its deletion, by the types that are generated from the API's document. It is
// compiled strictly: what it reads without a cast, the document says.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./build/schema.js";
import { messagesOf } from "./stream.js";

type Schemas = components["schemas"];
type Exactly<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_Holds extends true>(): void => undefined;

// What the types must know: unions where there are finitely many values, null where something may be unknown.
is<Exactly<Schemas["Job"]["status"], "pending" | "processing" | "completed" | "error" | "timeout" | "cancelled">>();
is<Exactly<Schemas["Job"]["startedAt"], string | null>>();
is<Exactly<Schemas["Job"]["filters"], Schemas["FiltersBody"] | null>>();
is<Exactly<Schemas["JobBody"]["targetResults"], number | undefined>>();
is<Exactly<Schemas["JobBody"]["mode"], "keyword" | "similar">>();
is<Exactly<Schemas["Result"]["creator"]["account"]["followers"], number | null>>();
is<Exactly<Schemas["Result"]["platform"], "tiktok" | "instagram" | "youtube">>();
is<Exactly<Schemas["Counts"]["outcomes"]["duplicate"], number>>();
is<Exactly<NonNullable<Schemas["Problem"]["errors"]>[number]["pointer"], string>>();
is<Exactly<Schemas["OutcomeCount"]["rule"], string | null>>();
is<Exactly<Schemas["Call"]["status"], "open" | "settled" | "unknown">>();
is<Exactly<Schemas["Call"]["creditsCharged"], number | null>>();
is<Exactly<Schemas["UsageRow"]["jobId"], string | undefined>>();
is<Exactly<Schemas["DailyCredits"]["left"], number | null>>();

declare const process: { argv: string[]; exitCode: number };
const [, , gatewayUrl = "", issuerUrl = ""] = process.argv;

// Session tokens live a minute: each request gets its own, as from Clerk's SDK.
const signedIn: Middleware = {
  async onRequest({ request }) {
    const answer = await fetch(`${issuerUrl}/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: "user_typescript" }),
    });
    const { token } = (await answer.json()) as { token: string };
    request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
};
const api = createClient<paths>({ baseUrl: gatewayUrl });

function known<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`there is no ${what}`);
  return value;
}

async function watched(jobId: string): Promise<Schemas["Job"]> {
  const path = { jobId };
  let tag = null as string | null;
  let job: Schemas["Job"] | undefined;
  for (let turn = 0; turn < 600; turn += 1) {
    const header: { "If-None-Match"?: string } = tag === null ? {} : { "If-None-Match": tag };
    const answer = await api.GET("/api/v1/jobs/{jobId}", { params: { path, header } });
    if (answer.response.status !== 304) job = known(answer.data, "job");
    tag = answer.response.headers.get("ETag");
    // A call that was under way when the job ended is still to be settled; until then the job cannot be deleted.
    const isFinal = job !== undefined && job.status !== "pending" && job.status !== "processing";
    if (job !== undefined && isFinal && job.credits.reserved === 0) return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the job does not end");
}

async function creatorsOf(jobId: string): Promise<Schemas["Creator"][]> {
  const found: Schemas["Creator"][] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = cursor === null ? { limit: 7 } : { limit: 7, cursor };
    const { data } = await api.GET("/api/v1/jobs/{jobId}/results", { params: { path: { jobId }, query } });
    const page: Schemas["ResultPage"] = known(data, "page");
    found.push(...page.items.map((item) => item.creator));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

// With `fields` an item holds only what was asked for: less than its type says.
async function reachableOf(jobId: string): Promise<{ seq: number; handle: string; keys: string[] }[]> {
  const query = { fields: "seq,creator.account.handle", hasEmail: true, unknown: "drop", limit: 200 } as const;
  const { data } = await api.GET("/api/v1/jobs/{jobId}/results", { params: { path: { jobId }, query } });
  return known(data, "page").items.map((item) => ({
    seq: item.seq,
    handle: item.creator.account.handle,
    keys: [...Object.keys(item), ...Object.keys(item.creator), ...Object.keys(item.creator.account)],
  }));
}

async function callsOf(jobId: string): Promise<Schemas["Call"][]> {
  const found: Schemas["Call"][] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = cursor === null ? { limit: 5 } : { limit: 5, cursor };
    const { data } = await api.GET("/api/v1/jobs/{jobId}/calls", { params: { path: { jobId }, query } });
    const page: Schemas["CallPage"] = known(data, "page");
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

interface Told {
  names: string[];
  creators: Schemas["Result"][];
  end: { seq: number; status: string; delivered: number };
}

// Everything that happens to a job, from its first event to `ended`; the words that the document uses for events are
// no types, so here there are casts.
async function toldOf(jobId: string): Promise<Told> {
  const names: string[] = [];
  const creators: Schemas["Result"][] = [];
  let last = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    const { data } = await api.GET("/api/v1/jobs/{jobId}/events", {
      params: { path: { jobId }, header: { "Last-Event-ID": last } },
      parseAs: "stream",
    });
    for await (const message of messagesOf(known(data, "stream"))) {
      const document: unknown = JSON.parse(message.data);
      names.push(message.event);
      if (message.id !== null) {
        const seq = Number(message.id);
        if (!(seq > last)) throw new Error(`event ${message.id} came after ${last}`);
        last = seq;
      }
      if (message.event === "creator") creators.push(document as Schemas["Result"]);
      if (message.event === "ended") return { names, creators, end: document as Told["end"] };
    }
  }
  throw new Error("the stream does not come to its end");
}

async function fileOf(jobId: string): Promise<{ type: string | null; items: Schemas["Result"][] }> {
  const path = { jobId };
  const answer = await api.GET("/api/v1/jobs/{jobId}/export.jsonl", { params: { path }, parseAs: "text" });
  const lines = known(answer.data, "file").split("\n");
  if (lines.pop() !== "") throw new Error("the file does not end with a line's end");
  return {
    type: answer.response.headers.get("Content-Type"),
    items: lines.map((line) => JSON.parse(line) as Schemas["Result"]),
  };
}

async function costOf(jobId: string): Promise<number> {
  const { data } = await api.GET("/api/v1/usage", { params: { query: { groupBy: "job", limit: 200 } } });
  const usage = known(data, "usage");
  return known(
    usage.items.find((row) => row.jobId === jobId),
    "row of the job",
  ).creditsCharged;
}

const sum = (numbers: number[]): number => numbers.reduce((all, one) => all + one, 0);

const stranger = await api.GET("/api/v1/campaigns");
const refusal = known(stranger.error, "refusal").type;
api.use(signedIn);

const campaign = known((await api.POST("/api/v1/campaigns", { body: { name: "Bread" } })).data, "campaign");
const body: Schemas["JobBody"] = {
  platform: "tiktok",
  mode: "keyword",
  keywords: ["sourdough"],
  targetResults: 20,
  campaignId: campaign.id,
  filters: { followersMin: 1 },
  tags: ["bread"],
};
const order = { params: { header: { "Idempotency-Key": crypto.randomUUID() } }, body };
const created = await api.POST("/api/v1/jobs", order);
const repeated = await api.POST("/api/v1/jobs", order);
const jobId = known(created.data, "job").id;
const [job, told] = await Promise.all([watched(jobId), toldOf(jobId)]);
const creators = await creatorsOf(jobId);
const listed = known((await api.GET("/api/v1/jobs", { params: { query: { tag: "bread" } } })).data, "list");
const wrong = await api.POST("/api/v1/jobs/{jobId}/extend", {
  params: { path: { jobId } },
  body: { targetResults: 1 },
});
const funnel = known((await api.GET("/api/v1/jobs/{jobId}/funnel", { params: { path: { jobId } } })).data, "funnel");
const calls = await callsOf(jobId);
const reachable = await reachableOf(jobId);
const file = await fileOf(jobId);
const ofCampaign = await api.GET("/api/v1/campaigns/{campaignId}/creators", {
  params: { path: { campaignId: campaign.id }, query: { limit: 200 } },
});
const me = known((await api.GET("/api/v1/me")).data, "me");
const paid = await costOf(jobId);
const deleted = await api.DELETE("/api/v1/jobs/{jobId}", { params: { path: { jobId } } });
const gone = await api.GET("/api/v1/jobs/{jobId}", { params: { path: { jobId } } });

const handles = creators.map((creator) => creator.account.handle);
console.log(
  JSON.stringify({
    refusal,
    created: created.response.status,
    location: created.response.headers.get("Location") === `/api/v1/jobs/${jobId}`,
    isRepeated: repeated.response.headers.get("Idempotency-Replayed") === "true" && repeated.data?.id === jobId,
    listed: listed.items.map((item) => item.id === jobId && item.status === "completed"),
    status: job.status,
    campaignId: job.campaignId === campaign.id,
    delivered: job.counts.delivered,
    handles,
    withEmail: creators
      .filter((creator) => (creator.contact.emails ?? []).length > 0)
      .map((creator) => creator.account.handle),
    reachable: reachable.map((item) => item.handle),
    keys: [...new Set(reachable.flatMap((item) => item.keys))].sort(),
    told: {
      first: told.names.slice(0, 2),
      names: [...new Set(told.names)].sort(),
      handles: told.creators.map((item) => item.creator.account.handle),
      end: told.end,
    },
    seen: { counts: job.counts.itemsSeen, funnel: funnel.itemsSeen, sum: sum(funnel.outcomes.map((one) => one.count)) },
    found: sum(funnel.outcomes.filter((one) => one.outcome === "delivered").map((one) => one.count)),
    calls: {
      listed: calls.length,
      total: job.calls.total,
      open: calls.filter((call) => call.status === "open").length,
    },
    spent: {
      job: job.credits.spent,
      calls: sum(calls.map((call) => known(call.creditsCharged, "price"))),
      usage: paid,
    },
    file: { type: file.type, handles: file.items.map((item) => item.creator.account.handle) },
    merged: known(ofCampaign.data, "creators").items.map((item) => item.creator.account.handle),
    me: {
      userId: me.userId,
      owner: me.owner,
      isAdministrator: me.isAdministrator,
      jobs: me.activeJobs + me.waitingJobs,
    },
    wrong: wrong.error?.errors?.map((fault) => fault.pointer) ?? [],
    deleted: deleted.response.status,
    gone: gone.error?.type,
    paidStill: await costOf(jobId),
  }),
);
