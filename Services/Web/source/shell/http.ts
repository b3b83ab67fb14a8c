import type { Attachment, Problem } from "../core/contracts";

export interface Endpoint {
  method: string;
  path: string;
}

export interface RequestParts {
  /** Values of the names in braces. */
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  accessToken?: string;
}

/** A request that was not answered with success. Without a problem there was no answer at all. */
export class RequestFailure extends Error {
  constructor(readonly problem: Problem | undefined) {
    super(problem?.detail ?? problem?.title ?? "Roost cannot be reached. Check your connection and try again.");
  }

  /** Whether the same request may succeed later. */
  get isTransient(): boolean {
    return !this.problem || this.problem.status >= 500 || this.problem.code === "rate_limited";
  }

  /** Whether nobody who knows Roost answered: no network, or a proxy without a service behind it. */
  get isUnreachable(): boolean {
    return !this.problem || (this.problem.status >= 502 && this.problem.status <= 504);
  }

  get retryAfterMilliseconds(): number {
    return (this.problem?.retryAfter ?? 0) * 1000;
  }
}

const timeoutMilliseconds = 15_000;

export async function request<Answer>(endpoint: Endpoint, parts: RequestParts = {}): Promise<Answer> {
  const headers = new Headers({ Accept: "application/json" });
  if (parts.accessToken !== undefined) headers.set("Authorization", `Bearer ${parts.accessToken}`);
  if (parts.body !== undefined) headers.set("Content-Type", "application/json");
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMilliseconds);
  let response: Response;
  let text: string;
  try {
    response = await fetch(address(endpoint, parts), {
      method: endpoint.method,
      headers,
      body: parts.body === undefined ? undefined : JSON.stringify(parts.body),
      credentials: "same-origin",
      signal: timeout.signal,
    });
    text = await response.text();
  } catch {
    throw new RequestFailure(undefined);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as Answer;
  throw new RequestFailure(problemOf(response, text));
}

/** Nothing of an upload has moved for this long: it is over. */
const stalledMilliseconds = 60_000;

/** Uploads a file to the link that was made for it. By XMLHttpRequest, as `fetch` does not say how far it is. */
export function upload(
  url: string, file: File, signal: AbortSignal, onProgress: (progress: number) => void,
): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer = setTimeout(() => request.abort(), stalledMilliseconds);
    const fail = () => reject(new RequestFailure(undefined));
    const giveUp = () => request.abort();
    signal.addEventListener("abort", giveUp);
    request.upload.onprogress = ({ loaded }) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), stalledMilliseconds);
      onProgress(Math.min(1, loaded / file.size));
    };
    request.onerror = fail;
    request.onabort = fail;
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    };
    request.onload = () => {
      if (request.status === 200) return resolve(JSON.parse(request.responseText) as Attachment);
      reject(new RequestFailure(problemOf(request, request.responseText)));
    };
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  });
}

function address(endpoint: Endpoint, parts: RequestParts): string {
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts.path?.[name] ?? ""));
  const query = Object.entries(parts.query ?? {}).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}

/** A proxy in front of Roost may answer with a page of its own. */
function problemOf(response: { status: number }, text: string): Problem {
  try {
    const problem = JSON.parse(text) as Problem;
    if (typeof problem.code === "string") return problem;
  } catch {
    // Not JSON: the status says what there is to say.
  }
  const code = response.status >= 500 ? "unavailable" : "malformed_request";
  return { type: "about:blank", title: `The server answered ${response.status}`, status: response.status, code };
}
