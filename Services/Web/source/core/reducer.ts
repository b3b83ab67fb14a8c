import type { Action } from "./actions";
import { attentionChanged, markedRead, markedUnread, settleReading } from "./attention";
import {
  applyEvent, changeJoined, changeReading, meOf, withCall, withChannel, withMessage, withUnread, withUser,
} from "./events";
import { restored, withDelay, withFailure, withRetry } from "./outbox";
import { withPresence } from "./presence";
import { withRingEnded } from "./rings";
import { applyBootstrap, applyReady, applyReset, applyWorkspace, withChannelList, withChannelMembers } from "./snapshots";
import { initialState, without } from "./state";
import type { State } from "./state";
import { applyNewest, applyOlder, askTimeline, emptyTimeline, keptMessageCount } from "./timeline";
import { typingMilliseconds, withTypist, withoutSilent } from "./typing";
import { doubt } from "./unread";

/** The one place where the state changes. No clock, no randomness, no I/O: what they say comes in the action. */
export function reduce(state: State, action: Action): State {
  return settleReading(take(state, action));
}

function take(state: State, action: Action): State {
  switch (action.type) {
    case "startFailed":
      return { ...state, session: { phase: "starting", problem: action.problem } };
    case "signedIn":
      return {
        ...initialState,
        call: state.call,
        session: { phase: "signedIn", user: action.user, sessionID: action.sessionID },
        users: { [action.user.id]: publicUser(action.user) },
        drafts: action.drafts,
        outbox: restored(action.unsent),
        ownPresence: action.ownPresence,
        isIdle: state.isIdle,
        view: state.view,
      };
    case "signedOut":
      return {
        ...initialState,
        call: state.call,
        session: { phase: "signedOut", notice: action.notice },
        view: {
          ...initialState.view, isAttended: state.view.isAttended, channelID: state.view.channelID,
          inviteCode: state.view.inviteCode,
        },
      };
    case "profileChanged":
      return withUser(state, publicUser(action.user));
    case "sessionsLoaded":
      return { ...state, sessions: action.sessions };

    case "connectionChanged":
      return { ...state, connection: action.connection };
    case "ready":
      return applyReady(state, action.frame);
    case "reset":
      return applyReset(state, action.frame);
    case "event":
      return settleView(applyEvent(state, action.frame));

    case "presence":
      return withPresence(state, action.frame.users);
    case "presenceWatched": {
      const watched = new Set(action.userIDs);
      const presence = Object.fromEntries(Object.entries(state.presence).filter(([userID]) => watched.has(userID)));
      return { ...state, presence };
    }
    case "typing": {
      const { channelID, userID, isTyping } = action.frame;
      if (userID === meOf(state) || !(channelID in state.joined)) return state;
      const until = isTyping ? action.now + typingMilliseconds : undefined;
      return { ...state, typists: withTypist(state.typists, channelID, userID, until) };
    }
    case "typingExpired":
      return { ...state, typists: withoutSilent(state.typists, action.now) };

    case "bootstrapLoaded":
      return settleView(loaded(applyBootstrap(state, action.snapshot), "bootstrap"));
    case "workspaceLoaded":
      return settleView(loaded(applyWorkspace(state, action), `workspace:${action.workspaceID}`));
    case "channelsLoaded":
      return withChannelList(state, action.workspaceID, action.channels);
    case "channelLoaded":
      return changeJoined(
        loaded(withChannel(state, action.channel), `channel:${action.channel.id}`), action.channel.id,
        (joined) => ({ ...joined, isStale: false }));
    case "callLoaded":
      return changeJoined(
        loaded(withCall(state, action.call), `call:${action.call.channelID}`), action.call.channelID,
        (joined) => ({ ...joined, isCallStale: false }));
    case "ringEnded":
      return withRingEnded(state, action.ringID, action.outcome);
    case "channelMembersLoaded":
      return loaded(withChannelMembers(state, action.channelID, action.members), `members:${action.channelID}`);
    case "timelineAsked":
      return changeJoined(state, action.channelID, (joined) => ({
        ...joined, timeline: askTimeline(joined.timeline, state.cursors[`channel:${action.channelID}`] ?? 0),
      }));
    case "newestLoaded":
      return changeJoined(loaded(state, `timeline:${action.channelID}`), action.channelID, (joined) => ({
        ...joined, timeline: applyNewest(joined.timeline, action.page),
      }));
    case "olderAsked":
      return changeLoadingOlder(state, action.channelID, true);
    case "olderFailed":
      return changeLoadingOlder(state, action.channelID, false);
    case "olderLoaded":
      return changeJoined(state, action.channelID, (joined) => ({
        ...joined, timeline: applyOlder(joined.timeline, action.before, action.page),
      }));
    case "messageAnswered":
      return withMessage(state, action.message);
    case "unreadLoaded":
      return loaded(withUnread(state, action.unread), `unread:${action.unread.channelID}`);
    case "loadFailed":
      return { ...state, loadProblems: { ...state.loadProblems, [action.key]: action.problem } };

    case "messageWritten":
      return {
        ...state, outbox: [...state.outbox, action.outgoing],
        // What was ready went with it.
        attaching: action.outgoing.attachments === undefined
          ? state.attaching
          : state.attaching.filter(({ channelID }) => channelID !== action.outgoing.channelID),
        view: { ...state.view, isHeldUnread: false },
      };
    case "sendFailed":
      return { ...state, outbox: withFailure(state.outbox, action.key, action.problem) };
    case "sendDelayed":
      return { ...state, outbox: withDelay(state.outbox, action.key, action.problem) };
    case "sendMuted":
      return { ...state, mutedUntil: { ...state.mutedUntil, [action.channelID]: action.until } };
    case "sendRetried":
      return { ...state, outbox: withRetry(state.outbox, action.key) };
    case "sendDiscarded":
      return { ...state, outbox: state.outbox.filter((outgoing) => outgoing.key !== action.key) };
    case "fileAttached":
      return { ...state, attaching: [...state.attaching, action.file] };
    case "fileChanged":
      return {
        ...state,
        attaching: state.attaching.map((file) => file.key === action.key ? { ...file, ...action.changes } : file),
      };
    case "fileRemoved":
      return { ...state, attaching: state.attaching.filter(({ key }) => key !== action.key) };
    case "draftChanged":
      return {
        ...state,
        drafts: action.text === ""
          ? without(state.drafts, action.channelID)
          : { ...state.drafts, [action.channelID]: action.text },
      };

    case "markedRead":
      return markedRead(state, action.channelID);
    case "markedUnread":
      return markedUnread(state, action.channelID, action.seq);
    case "positionRefused":
      return changeReading(state, action.channelID, (reading) => ({ ...reading, confirmedSeq: reading.readSeq }));
    case "markFailed":
      return changeReading(
        { ...state, view: { ...state.view, notice: action.problem } }, action.channelID, (reading) => doubt(reading));
    case "ownPresenceChanged":
      return { ...state, ownPresence: action.ownPresence };
    case "idleChanged":
      return action.isIdle === state.isIdle ? state : { ...state, isIdle: action.isIdle };

    case "callChanged":
      return action.call === state.call ? state : { ...state, call: action.call };

    case "workspaceChosen":
      return settleView(forgetLong({
        ...state,
        view: { ...state.view, workspaceID: action.workspaceID, channelID: undefined, editing: undefined, isAtEnd: false },
      }, state.view.channelID));
    case "channelChosen":
      return chooseChannel(state, action.channelID, action.workspaceID);
    case "inviteOpened":
      return { ...state, view: { ...state.view, inviteCode: action.code } };
    case "inviteClosed":
      return { ...state, view: { ...state.view, inviteCode: undefined } };
    case "attentionChanged":
      return attentionChanged(state, action.isAttended);
    case "endReached":
      return action.channelID !== state.view.channelID || action.isAtEnd === state.view.isAtEnd
        ? state : { ...state, view: { ...state.view, isAtEnd: action.isAtEnd } };
    case "mentioningStarted":
      return state.view.isMentioning ? state : { ...state, view: { ...state.view, isMentioning: true } };
    case "noticeShown":
      return { ...state, view: { ...state.view, notice: action.notice } };
    case "noticeDismissed":
      return { ...state, view: { ...state.view, notice: undefined } };
    case "sidebarToggled":
      return { ...state, view: { ...state.view, isSidebarOpen: action.isOpen } };
    case "membersToggled":
      return { ...state, view: { ...state.view, isMembersOpen: action.isOpen } };
    case "editingChanged":
      return { ...state, view: { ...state.view, editing: action.messageID } };
    case "dialogOpened":
      return { ...state, view: { ...state.view, dialog: action.dialog } };
    case "dialogClosed":
      return { ...state, view: { ...state.view, dialog: undefined } };
    default: {
      const unhandled: never = action;
      return unhandled;
    }
  }
}

function publicUser({ id, username, displayName }: { id: string; username: string; displayName: string }) {
  return { id, username, displayName };
}

function loaded(state: State, key: string): State {
  return key in state.loadProblems ? { ...state, loadProblems: without(state.loadProblems, key) } : state;
}

function changeLoadingOlder(state: State, channelID: string, isLoadingOlder: boolean): State {
  return changeJoined(state, channelID, (joined) => ({ ...joined, timeline: { ...joined.timeline, isLoadingOlder } }));
}

/** The workspace is that of the channel, as far as it is known; the answer that made the channel knows it too. */
function chooseChannel(state: State, channelID: string, workspaceID: string | undefined): State {
  const view = {
    ...state.view,
    channelID,
    workspaceID: state.channels[channelID]?.workspaceID ?? workspaceID ?? state.view.workspaceID,
    newFrom: undefined,
    isAtEnd: channelID === state.view.channelID && state.view.isAtEnd,
    isHeldUnread: false,
    isMentioning: false,
    editing: undefined,
    isSidebarOpen: false,
  };
  return forgetLong({ ...state, view }, state.view.channelID);
}

/** A channel that goes out of view keeps a bounded part of its messages: all or none. */
function forgetLong(state: State, channelID: string | undefined): State {
  if (channelID === undefined || channelID === state.view.channelID) return state;
  return changeJoined(state, channelID, (joined) =>
    Object.keys(joined.timeline.messages).length > keptMessageCount ? { ...joined, timeline: emptyTimeline } : joined);
}

// MARK: The view

/**
 * Something is in view whenever something can be. What was chosen by an answer but has not come by an event yet stays
 * chosen; only a snapshot says that it does not exist.
 */
function settleView(state: State): State {
  const { view } = state;
  if (state.snapshot !== "loaded") return state;
  if (view.channelID !== undefined) {
    const workspaceID = state.channels[view.channelID]?.workspaceID ?? view.workspaceID;
    return workspaceID === view.workspaceID ? state : { ...state, view: { ...view, workspaceID } };
  }
  const workspaceID = view.workspaceID ?? Object.keys(state.workspaces).sort()[0];
  const channelID = firstTextChannel(state, workspaceID);
  if (workspaceID === view.workspaceID && channelID === undefined) return state;
  return {
    ...state, view: { ...view, workspaceID, channelID, newFrom: undefined, isAtEnd: false, isHeldUnread: false },
  };
}

/** The oldest joined text channel of a workspace: `general`, as long as the person is in it. */
function firstTextChannel(state: State, workspaceID: string | undefined): string | undefined {
  return Object.keys(state.joined).sort().find((id) => {
    const channel = state.channels[id];
    return channel?.workspaceID === workspaceID && channel?.kind === "text";
  });
}
