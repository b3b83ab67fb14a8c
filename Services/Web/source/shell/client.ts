import type { CallModeration, CallRing, CallSource, ChannelID, CreateChannelRequest, UpdateChannelRequest, UserID } from "../core/contracts";
import type { OwnPresence } from "../core/presence-model";
import { API } from "./api";
import { Attendance } from "./attendance";
import { Caller } from "./caller";
import { FileLinks } from "./fileLinks";
import { Gateway } from "./gateway";
import { RequestFailure } from "./http";
import { forgetKeepsakes, keepWritten, readKeepsakes } from "./keepsakes";
import { Loader } from "./loader";
import { Reader } from "./reader";
import { Ringer } from "./ringer";
import { Sender } from "./sender";
import { Session } from "./session";
import { Store } from "./store";
import { Uploader } from "./uploader";

/** What the views may do. Each method is one intention of the person; a failure is thrown as `RequestFailure`. */
export class Client {
  readonly store = new Store();
  readonly api: API;
  readonly caller: Caller;
  readonly uploader: Uploader;
  readonly links: FileLinks;
  private readonly session: Session;
  private readonly gateway: Gateway;
  private readonly attendance: Attendance;
  private readonly reader: Reader;

  constructor() {
    this.session = new Session(
      ({ user, sessionID }) =>
        this.store.dispatch({ type: "signedIn", user, sessionID, ...readKeepsakes(user.id) }),
      (notice) => this.store.dispatch({ type: "signedOut", notice }));
    this.api = new API(this.session);
    this.uploader = new Uploader(this.store, this.api);
    this.links = new FileLinks(this.api);
    const address = new URL("/gateway", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.gateway = new Gateway(this.store, this.session, address.href, {
      onCallFrame: (frame) => this.caller.receive(frame),
      onReady: (send) => this.attendance.introduce(send),
      onMoved: () => {
        this.caller.socketMoved();
        this.attendance.repeat();
      },
    });
    // Before the gateway follows the session: a call is left while there is a socket to say so.
    this.caller = new Caller(this.store, (frame) => this.gateway.send(frame));
    new Ringer(this.store);
    new Loader(this.store, this.api);
    const sender = new Sender(this.store, this.api);
    this.reader = new Reader(this.store, this.api);
    this.attendance = new Attendance(this.store, (frame) => this.gateway.send(frame));
    keepWritten(this.store);
    this.store.subscribe(() => this.runGateway());
    const wake = () => {
      this.gateway.wake();
      sender.wake();
    };
    // `resume` is the end of a freeze, `pageshow` the way back to a page that was kept whole.
    for (const name of ["online", "offline", "pageshow"]) addEventListener(name, wake);
    document.addEventListener("resume", wake);
    for (const name of ["focus", "blur"]) addEventListener(name, () => this.followAttention());
    document.addEventListener("visibilitychange", () => {
      const isVisible = document.visibilityState === "visible";
      this.attendance.seen(isVisible);
      this.followAttention();
      if (isVisible) wake();
    });
    this.followAttention();
  }

  /** Only who looks at a page has read what is on it. */
  private followAttention(): void {
    const isAttended = document.visibilityState === "visible" && document.hasFocus();
    if (isAttended !== this.store.getState().view.isAttended) {
      this.store.dispatch({ type: "attentionChanged", isAttended });
    }
  }

  async start(): Promise<void> {
    const refreshed = await this.session.restore();
    if (refreshed === "ended") this.store.dispatch({ type: "signedOut" });
    if (refreshed === "unreachable") {
      this.store.dispatch({ type: "startFailed", problem: "Roost cannot be reached. Trying again…" });
      setTimeout(() => void this.start(), 2_000);
    }
  }

  register = (email: string, username: string, password: string, displayName: string | undefined) =>
    this.session.register({ email, username, password, displayName });

  logIn = (login: string, password: string) => this.session.logIn({ login, password });

  async logOut(): Promise<void> {
    const { session } = this.store.getState();
    await this.session.logOut();
    if (session.phase === "signedIn") forgetKeepsakes(session.user.id);
    this.links.clear();
    this.store.dispatch({ type: "signedOut" });
  }

  reconnect = () => this.gateway.wake();

  /** Sends a text with what is attached in the channel, all of which is on the server. */
  sendMessage(channelID: ChannelID, content: string): void {
    const { session, attaching } = this.store.getState();
    if (session.phase !== "signedIn") return;
    const attachments = attaching.flatMap((pending) => pending.channelID === channelID && pending.file ? [pending.file] : []);
    const outgoing = {
      key: newKey(), channelID, authorID: session.user.id, content, writtenAt: new Date().toISOString(),
      state: "pending" as const, ...(attachments.length > 0 && { attachments }),
    };
    this.store.dispatch({ type: "messageWritten", outgoing });
    this.store.dispatch({ type: "draftChanged", channelID, text: "" });
    this.attendance.writes(channelID, false);
  }

  writeDraft(channelID: ChannelID, text: string): void {
    this.store.dispatch({ type: "draftChanged", channelID, text });
    this.attendance.writes(channelID, text.trim() !== "");
  }

  markRead = (channelID: ChannelID) => this.store.dispatch({ type: "markedRead", channelID });
  markUnread = (channelID: ChannelID, seq: number) => this.reader.markUnread(channelID, seq);

  choosePresence = (ownPresence: OwnPresence) => this.store.dispatch({ type: "ownPresenceChanged", ownPresence });

  async loadOlder(channelID: ChannelID): Promise<void> {
    const timeline = this.store.getState().joined[channelID]?.timeline;
    if (timeline?.before === undefined || timeline.isLoadingOlder) return;
    const { before } = timeline;
    this.store.dispatch({ type: "olderAsked", channelID });
    try {
      this.store.dispatch({ type: "olderLoaded", channelID, before, page: await this.api.listMessages(channelID, before) });
    } catch (failure) {
      this.store.dispatch({ type: "olderFailed", channelID });
      if (!(failure instanceof RequestFailure)) throw failure;
    }
  }

  async editMessage(channelID: ChannelID, messageID: string, content: string): Promise<void> {
    this.store.dispatch({ type: "messageAnswered", message: await this.api.editMessage(channelID, messageID, content) });
  }

  /** What is made or joined is chosen at once and appears with its event. */
  async createWorkspace(name: string): Promise<void> {
    const { id } = await this.api.createWorkspace(name);
    this.store.dispatch({ type: "workspaceChosen", workspaceID: id });
  }

  async acceptInvite(code: string): Promise<void> {
    const { id } = await this.api.acceptInvite(code);
    this.store.dispatch({ type: "inviteClosed" });
    this.store.dispatch({ type: "workspaceChosen", workspaceID: id });
  }

  async createChannel(body: CreateChannelRequest): Promise<void> {
    this.choose(await this.api.createChannel(this.workspaceInView(), body));
  }

  async joinChannel(channelID: ChannelID): Promise<void> {
    this.choose(await this.api.joinChannel(channelID));
  }

  async openDirect(userID: UserID): Promise<void> {
    this.choose(await this.api.openDirectChannel(this.workspaceInView(), userID));
  }

  /** Answers a call that rings, without a look at oneself first: the camera is on only if the person says so. */
  async acceptRing(ring: CallRing, isCameraOn: boolean): Promise<void> {
    const workspaceID = this.store.getState().channels[ring.channelID]?.workspaceID;
    this.store.dispatch({ type: "channelChosen", channelID: ring.channelID, workspaceID });
    this.store.dispatch({ type: "dialogClosed" });
    // The seat first: it stops the ringing everywhere, and the browser may ask for the devices for a while.
    this.caller.join(ring.channelID);
    await this.caller.media.open({ isCameraOn });
  }

  /** What a moderator does to somebody in the call; it shows by the state of the call. */
  async moderate(channelID: ChannelID, userID: UserID, action: CallModeration, source?: CallSource): Promise<void> {
    try {
      await this.api.moderateCall(channelID, userID, action, source);
    } catch (failure) {
      if (!(failure instanceof RequestFailure)) throw failure;
      this.store.dispatch({ type: "noticeShown", notice: failure.message });
    }
  }

  /** Silent here at once, on the other devices and at the caller's when the server has it. */
  async declineRing(ring: CallRing): Promise<void> {
    this.store.dispatch({ type: "ringEnded", ringID: ring.id, outcome: "declined" });
    try {
      await this.api.declineRing(ring.id);
    } catch (failure) {
      if (!(failure instanceof RequestFailure)) throw failure;
      this.store.dispatch({ type: "noticeShown", notice: `The call could not be declined: ${failure.message}` });
    }
  }

  async updateChannel(channelID: ChannelID, body: UpdateChannelRequest): Promise<void> {
    this.store.dispatch({ type: "channelLoaded", channel: await this.api.updateChannel(channelID, body) });
  }

  async updateName(displayName: string): Promise<void> {
    this.store.dispatch({ type: "profileChanged", user: await this.api.updateMe(displayName) });
  }

  async refreshChannels(): Promise<void> {
    const workspaceID = this.workspaceInView();
    const { channels } = await this.api.listChannels(workspaceID);
    this.store.dispatch({ type: "channelsLoaded", workspaceID, channels });
  }

  async refreshSessions(): Promise<void> {
    this.store.dispatch({ type: "sessionsLoaded", sessions: (await this.api.listSessions()).sessions });
  }

  private choose({ id, workspaceID }: { id: ChannelID; workspaceID: string }): void {
    this.store.dispatch({ type: "channelChosen", channelID: id, workspaceID });
  }

  private workspaceInView(): string {
    const { workspaceID } = this.store.getState().view;
    if (workspaceID === undefined) throw new Error("This takes a workspace in view.");
    return workspaceID;
  }

  /** The gateway is told where the client stands, so it waits for the first snapshot. */
  private runGateway(): void {
    const { session, snapshot } = this.store.getState();
    if (session.phase !== "signedIn") this.gateway.stop();
    else if (snapshot !== "missing") this.gateway.start();
  }
}

/** 128 random bits in an alphabet that idempotency keys take. `crypto.randomUUID` would need a secure context. */
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
