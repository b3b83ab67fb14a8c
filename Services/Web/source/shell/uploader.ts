import type { PendingFile } from "../core/attachments";
import { countProblem } from "../core/attachments";
import { backoffMilliseconds } from "../core/backoff";
import type { ChannelID, CreateFileRequest } from "../core/contracts";
import type { API } from "./api";
import { RequestFailure, upload } from "./http";
import { measure } from "./measure";
import type { Store } from "./store";

/** Attempts of one upload before it is shown as failed: about a quarter of a minute without a server. */
const attemptCount = 6;

/** Brings attached files to the server, each at once when it is attached. Owner of their bytes until then. */
export class Uploader {
  private readonly running = new Map<string, { file: File; abort: AbortController }>();
  private lastKey = 0;

  constructor(private readonly store: Store, private readonly api: API) {
    // A file whose entry is gone, by a removal or by signing out, is given up.
    store.subscribe(() => {
      const known = new Set(this.store.getState().attaching.map(({ key }) => key));
      for (const [key, { abort }] of this.running) {
        if (known.has(key)) continue;
        abort.abort();
        this.running.delete(key);
      }
    });
  }

  attach(channelID: ChannelID, files: readonly File[]): void {
    const { dispatch, getState } = this.store;
    const present = getState().attaching.filter((file) => file.channelID === channelID).length;
    const problem = countProblem(present, files.length);
    if (problem) return dispatch({ type: "noticeShown", notice: problem });
    for (const file of files) {
      this.lastKey += 1;
      const key = `file-${this.lastKey}`;
      // Chromium names what was pasted "image.png"; what has no name gets one.
      const name = file.name || "file";
      dispatch({
        type: "fileAttached", file: { key, channelID, name, byteCount: file.size, state: "uploading", progress: 0 },
      });
      this.running.set(key, { file, abort: new AbortController() });
      void this.bring(key, channelID);
    }
  }

  /** Tries a failed one again, from the start. */
  retry({ key, channelID }: PendingFile): void {
    if (!this.running.has(key)) return;
    this.store.dispatch({ type: "fileChanged", key, changes: { state: "uploading", progress: 0, problem: undefined } });
    void this.bring(key, channelID);
  }

  private async bring(key: string, channelID: ChannelID): Promise<void> {
    const { dispatch } = this.store;
    const upload = this.running.get(key);
    if (!upload) return;
    if (upload.file.size === 0) return this.fail(key, "This file is empty. Choose another.", true);
    try {
      const request = { ...requestFor(upload.file), ...await measure(upload.file) };
      const reserved = await this.patiently(key, () => this.api.createFile(channelID, request));
      if (!reserved) return;
      const file = await this.patiently(key, () => this.put(key, reserved.uploadURL));
      if (!file) return;
      this.running.delete(key);
      dispatch({ type: "fileChanged", key, changes: { state: "ready", progress: 1, file } });
    } catch (failure) {
      if (!(failure instanceof RequestFailure)) throw failure;
      this.fail(key, failure.message);
    }
  }

  private put(key: string, url: string) {
    const { file, abort } = this.running.get(key) ?? {};
    if (!file || !abort) throw new RequestFailure(undefined);
    let shown = 0;
    return upload(url, file, abort.signal, (progress) => {
      // A step of a hundredth is as fine as it is shown.
      if (progress - shown < 0.01) return;
      shown = progress;
      this.store.dispatch({ type: "fileChanged", key, changes: { progress } });
    });
  }

  /** Repeats what may succeed later; `undefined` once nobody wants it any more. */
  private async patiently<Answer>(key: string, work: () => Promise<Answer>): Promise<Answer | undefined> {
    for (let attempt = 0; this.running.has(key); attempt += 1) {
      try {
        return await work();
      } catch (failure) {
        if (!this.running.has(key)) return undefined;
        const isOver = !(failure instanceof RequestFailure) || !failure.isTransient || attempt + 1 >= attemptCount
          || failure.problem?.code === "storage_full";
        if (isOver) throw failure;
        const pause = Math.max(failure.retryAfterMilliseconds, backoffMilliseconds(attempt, Math.random()));
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return undefined;
  }

  private fail(key: string, problem: string, isHopeless = false): void {
    this.store.dispatch({ type: "fileChanged", key, changes: { state: "failed", problem, isHopeless } });
  }
}

function requestFor(file: File): CreateFileRequest {
  // Browsers name types that the contract does not take, or none.
  const mediaType = /^[a-z0-9!#$&^_.+-]{1,63}\/[a-z0-9!#$&^_.+-]{1,63}$/.test(file.type) ? file.type : "application/octet-stream";
  return { name: file.name || "file", mediaType, byteCount: file.size };
}
