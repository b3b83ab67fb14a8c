import { endpoints } from "../core/contracts";
import type { LoginRequest, RegisterRequest, SignedIn } from "../core/contracts";
import { request, RequestFailure } from "./http";
import type { Endpoint, RequestParts } from "./http";

/** What became of an attempt to get a new access token. */
export type Refreshed = "refreshed" | "ended" | "unreachable";

/**
 * The sign-in of this tab. The access token lives in memory only; the refresh token is a cookie that scripts cannot
 * read. Owner of both: nobody else sees a token.
 */
export class Session {
  private token: { value: string; expiresAt: number } | undefined;
  private refreshing: Promise<Refreshed> | undefined;

  constructor(
    private readonly onSignedIn: (answer: SignedIn) => void,
    private readonly onEnded: (notice: string) => void,
  ) {}

  async register(body: Omit<RegisterRequest, "refreshDelivery">): Promise<void> {
    this.accept(await request<SignedIn>(endpoints.register, { body: { ...body, refreshDelivery: "cookie" } }), true);
  }

  async logIn(body: Omit<LoginRequest, "refreshDelivery">): Promise<void> {
    this.accept(await request<SignedIn>(endpoints.logIn, { body: { ...body, refreshDelivery: "cookie" } }), true);
  }

  /** Goes on with the session of the cookie, if there is one. */
  async restore(): Promise<Refreshed> {
    return this.refresh(true);
  }

  async logOut(): Promise<void> {
    await this.call<void>(endpoints.logOut).catch((failure: unknown) => {
      // A session that is gone already is signed out too.
      if (!(failure instanceof RequestFailure) || failure.problem?.status !== 401) throw failure;
    });
    this.token = undefined;
  }

  /** The session is over: the person signs in again. */
  end(notice: string): void {
    this.token = undefined;
    this.onEnded(notice);
  }

  /** A request as the signed-in person. A rejected token is replaced once and the request sent again. */
  async call<Answer>(endpoint: Endpoint, parts: RequestParts = {}): Promise<Answer> {
    try {
      return await request<Answer>(endpoint, { ...parts, accessToken: this.token?.value });
    } catch (failure) {
      if (!(failure instanceof RequestFailure) || failure.problem?.status !== 401) throw failure;
      if (failure.problem.code === "session_revoked") {
        this.end(endedNotice);
        throw failure;
      }
      const refreshed = await this.refresh();
      if (refreshed === "unreachable") throw new RequestFailure(undefined);
      if (refreshed === "ended") throw failure;
      return request<Answer>(endpoint, { ...parts, accessToken: this.token?.value });
    }
  }

  /** An access token that is not about to expire; `undefined` when there is none to be had now. */
  async freshToken(): Promise<string | undefined> {
    if (!this.token || this.token.expiresAt < Date.now() + 5_000) await this.refresh();
    return this.token?.value;
  }

  /** Single-flight in this tab by the promise, across tabs by a lock: the cookie is good for one use. */
  refresh(isStart = false): Promise<Refreshed> {
    this.refreshing ??= withLock("roost-refresh", () => this.refreshNow(isStart))
      .finally(() => { this.refreshing = undefined; });
    return this.refreshing;
  }

  private async refreshNow(isStart: boolean): Promise<Refreshed> {
    try {
      this.accept(await request<SignedIn>(endpoints.refresh, { body: {} }), isStart);
      return "refreshed";
    } catch (failure) {
      if (!(failure instanceof RequestFailure) || failure.isTransient) return "unreachable";
      if (!isStart) this.end(endedNotice);
      return "ended";
    }
  }

  private accept(answer: SignedIn, isStart: boolean): void {
    this.token = { value: answer.accessToken, expiresAt: Date.parse(answer.accessTokenExpiresAt) };
    if (isStart) this.onSignedIn(answer);
  }
}

const endedNotice = "Your session has ended. Sign in again to go on; your drafts are kept.";

/** Locks need a secure context. Without one two tabs that refresh in the same moment end their session. */
function withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  return "locks" in navigator ? navigator.locks.request(name, work) : work();
}
