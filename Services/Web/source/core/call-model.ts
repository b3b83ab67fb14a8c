import type {
  CallLayer, CallPublication, CallRecording, CallSource, CallState, ChannelID, ClientFrame, IceServer, ParticipantID, RecordingEnd,
  ServerFrame,
} from "./contracts";

/** The call of this tab. A call is prepared in a dialog, which is no state of it: nothing is asked for until "Join". */
export type Call = IdleCall | ActiveCall;

export interface IdleCall {
  phase: "idle";
  /** Why the last call is over, until the person has seen it. */
  ending?: { channelID: ChannelID; sentence: string };
}

export interface ActiveCall {
  /** What the person is told; follows from `media` and `seat`. A lost socket alone does not show: media go on. */
  phase: "joining" | "connecting" | "connected" | "reconnecting";
  channelID: ChannelID;
  relayOnly: boolean;
  /**
   * The seat that is asked for or held. This client chooses its id, and every attempt names it, so that however many of
   * them arrive there is one seat. A seat has one peer connection for as long as it lasts: a new one needs a new seat.
   */
  participantID: ParticipantID;
  /** Whether this call ever gave a seat. */
  wasSeated: boolean;
  /** `offline`: waits for the socket. `pausing`: waits for its timer. `asked`: callJoin is on its way. */
  seat: "offline" | "pausing" | "asked" | "held";
  /** Attempts to get a seat since media flowed last. */
  attempt: number;
  /** Counts peer connections, so that late news of an old one is told apart. */
  peer: number;
  /** `none`: there is no peer connection. `down`: it was lost, or never came about. */
  media: "none" | "making" | "up" | "down";
  /** Whether media ever flowed. */
  wasUp: boolean;
  offer: Offer;
  remote: CallState | undefined;
  /**
   * While the call goes over to another node: the peer connection that still plays, and what its successor will. Shown is
   * `remote`, the state of the former seat.
   */
  moving?: { former: number; next: CallState } | undefined;
  speakers: readonly ParticipantID[];
  /**
   * `asked`: the call was recorded when the person came. Until they agree there is no peer connection: nothing of them is sent,
   * and they get nothing.
   */
  consent: "unknown" | "asked" | "given";
  /** The last recording, which is over, until the person has seen why or another one runs. */
  lastRecording: FinishedRecording | undefined;
  /** The sources of this person that are on, and what of it the others were told. */
  active: readonly CallSource[];
  told: readonly CallSource[] | undefined;
  /** What the last attempt failed of, for a person. */
  problem: string | undefined;
}

/** `lost`: the call goes on at another media node, which knows nothing of it. */
export interface FinishedRecording {
  recording: CallRecording;
  end: RecordingEnd | "lost";
}

/** The one offer that may be in flight. Its number grows for as long as the call lasts. */
export interface Offer {
  number: number;
  /** `making`: the browser writes it. `sent`: waits for the answer. `taking`: the browser reads the answer. */
  stage: "none" | "making" | "sent" | "taking";
  isWanted: boolean;
  restartsICE: boolean;
  /** Receive-only video sections offered so far on this peer connection. */
  videoSections: number;
}

/** `retry`: join again. `answer`: nothing came back. `media`: media were down too long. `giveUp`: for too long. `gather`: the
 * others have not come over to the other node. */
export type CallTimer = "retry" | "answer" | "media" | "giveUp" | "notice" | "gather";

export type CallFrame = Extract<ServerFrame, { type: `call${string}` }>;

export type CallEvent =
  | { type: "join"; channelID: ChannelID; active: readonly CallSource[]; relayOnly: boolean; isSocketCurrent: boolean }
  | { type: "leave" }
  /** The person is no longer in the channel, or signed out. */
  | { type: "excluded"; sentence: string | undefined }
  | { type: "dismiss" }
  /** The person joins although the call is recorded. */
  | { type: "agreed" }
  | { type: "recordingSeen" }
  | { type: "sourcesChanged"; active: readonly CallSource[] }
  | { type: "handMoved"; isRaised: boolean }
  | { type: "socketCurrent" }
  | { type: "socketLost" }
  | { type: "frame"; frame: CallFrame }
  | { type: "timer"; timer: CallTimer }
  | { type: "offered"; peer: number; number: number; sdp: string; sections: readonly Section[] }
  | { type: "answered"; peer: number; number: number }
  | { type: "peerFailed"; peer: number; problem: string }
  | { type: "media"; peer: number; isUp: boolean };

/** A send section of the offer. */
export type Section = Pick<CallPublication, "mid" | "source">;

export type CallEffect =
  | { type: "send"; frame: ClientFrame }
  /**
   * Makes a peer connection; the one before it is closed, or, when the call moves, plays on as the `former` one: the
   * `present` becomes it, or it is `kept` and a successor that never played is closed.
   */
  | {
    type: "openPeer"; peer: number; iceServers: readonly IceServer[]; relayOnly: boolean;
    former: "none" | "present" | "kept";
  }
  /** The former peer connection has played for long enough. */
  | { type: "closeFormer"; milliseconds: number }
  /** For the next ICE restart: credentials end after half a day. */
  | { type: "useServers"; iceServers: readonly IceServer[] }
  | { type: "closePeer" }
  | {
    type: "makeOffer"; peer: number; number: number; audioSections: number; videoSections: number; restartsICE: boolean;
  }
  | { type: "takeAnswer"; peer: number; number: number; sdp: string }
  /** Which encodings of the camera are worth sending. */
  | { type: "sendLayers"; layers: readonly CallLayer[] }
  /** Starts it anew if it runs. */
  | { type: "startTimer"; timer: CallTimer; milliseconds: number }
  | { type: "stopTimers"; timers: readonly CallTimer[] }
  /** Nobody gets these any more, by a moderator: they go off here too. */
  | { type: "turnOff"; sources: readonly CallSource[] }
  | { type: "tell"; notice: string }
  /** Lets go of microphone, camera and screen. */
  | { type: "releaseSources" };

/** What a step may use and cannot know of itself. */
export interface Given {
  /** In 0..<1. */
  random: number;
  /** One that no seat had yet. */
  participantID: ParticipantID;
}

export interface CallStep {
  call: Call;
  effects: CallEffect[];
}

export const idleCall: Call = { phase: "idle" };
