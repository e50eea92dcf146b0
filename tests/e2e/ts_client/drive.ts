// A job from its creation to its creators, by the types that are generated from the API's document. It is compiled
// strictly: what it reads without a cast, the document says.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./build/schema.js";

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
    if (job !== undefined && job.status !== "pending" && job.status !== "processing") return job;
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
const job = await watched(jobId);
const creators = await creatorsOf(jobId);
const listed = known((await api.GET("/api/v1/jobs", { params: { query: { tag: "bread" } } })).data, "list");
const wrong = await api.POST("/api/v1/jobs/{jobId}/extend", {
  params: { path: { jobId } },
  body: { targetResults: 1 },
});

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
    handles: creators.map((creator) => creator.account.handle),
    reachable: creators.filter((creator) => (creator.contact.emails ?? []).length > 0).length,
    wrong: wrong.error?.errors?.map((fault) => fault.pointer) ?? [],
  }),
);
