// Server-sent events over fetch, as a frontend reads them: a browser's own EventSource cannot send a bearer token.

export interface Message {
  event: string;
  id: string | null;
  data: string;
}

function parsed(block: string): Message | null {
  let event = "message";
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0) continue; // a comment: a sign of life
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value;
    if (name === "id") id = value;
    if (name === "data") data.push(value);
  }
  return data.length === 0 ? null : { event, id, data: data.join("\n") };
}

// The messages of one stream, until it ends.
export async function* messagesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Message> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const message = parsed(block);
      if (message !== null) yield message;
    }
  }
  if (rest !== "") throw new Error(`the stream broke off in the middle of a message: ${rest}`);
}
