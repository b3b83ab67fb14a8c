import type { ChannelID, FileID, FileLink } from "../core/contracts";
import { limits } from "../core/contracts";
import type { API } from "./api";
import { RequestFailure } from "./http";

/** Rows that come into view together ask together. */
const gatherMilliseconds = 30;
/** A link is asked for anew this long before it ends. */
const marginMilliseconds = 60_000;

interface Asked {
  channelID: ChannelID;
  fileID: FileID;
  resolve: (url: string | undefined) => void;
}

/** Links by which elements of the page load files: asked for in groups, kept for as long as they work. */
export class FileLinks {
  private readonly known = new Map<FileID, FileLink>();
  private waiting: Asked[] = [];

  constructor(private readonly api: API) {}

  /** The link of a file, if one is known that still works. */
  peek(fileID: FileID): string | undefined {
    const link = this.known.get(fileID);
    return link && Date.parse(link.expiresAt) - marginMilliseconds > Date.now() ? link.url : undefined;
  }

  /** The link of a file; `undefined` if there is none to be had now. */
  get(channelID: ChannelID, fileID: FileID): Promise<string | undefined> {
    const url = this.peek(fileID);
    if (url !== undefined) return Promise.resolve(url);
    return new Promise((resolve) => {
      this.waiting.push({ channelID, fileID, resolve });
      if (this.waiting.length === 1) setTimeout(() => void this.ask(), gatherMilliseconds);
    });
  }

  /** A link did not work: the next one asked for is new. */
  forget(fileID: FileID): void {
    this.known.delete(fileID);
  }

  /** Another person may sit here next. */
  clear(): void {
    this.known.clear();
  }

  private async ask(): Promise<void> {
    const asked = this.waiting;
    this.waiting = [];
    const channels = new Set(asked.map(({ channelID }) => channelID));
    await Promise.all([...channels].map((channelID) =>
      this.askIn(channelID, [...new Set(asked.filter((one) => one.channelID === channelID).map(({ fileID }) => fileID))])));
    for (const { fileID, resolve } of asked) resolve(this.peek(fileID));
  }

  private async askIn(channelID: ChannelID, fileIDs: FileID[]): Promise<void> {
    for (let start = 0; start < fileIDs.length; start += limits.fileLinkCount.max) {
      try {
        const { links } = await this.api.createFileLinks(channelID, fileIDs.slice(start, start + limits.fileLinkCount.max));
        for (const link of links) this.known.set(link.fileID, link);
      } catch (failure) {
        if (!(failure instanceof RequestFailure)) throw failure;
        return;
      }
    }
  }
}
