import type { Channel } from "../core/contracts";
import { callParticipants, callPeople, callUserIDs, isRoom, namesOf } from "../core/selectors";
import { Avatar } from "./Avatar";
import { useAppState, useDialogs } from "./context";
import { Icon } from "./icons";

/** The way into the call of a channel, in its head. */
export function CallButton({ channel }: { channel: Channel }) {
  const state = useAppState();
  const dialogs = useDialogs();
  const count = callPeople(state, channel.id).length;
  if (state.call.phase !== "idle" && state.call.channelID === channel.id) return null;
  const isProminent = isRoom(channel) || count > 0;
  return (
    <button
      type="button" className={isProminent ? "button small primary call-button" : "button small call-button"}
      data-testid="call-button" onClick={() => dialogs.open({ name: "joinCall", channelID: channel.id })}
    >
      <Icon name="call" />
      <span className="call-button-words">{count > 0 || isRoom(channel) ? "Join call" : "Call"}</span>
      {count > 0 && <span className="call-count">{count}<span className="visually-hidden"> in it</span></span>}
    </button>
  );
}

/** Above the messages of a voice channel, and wherever somebody is in a call: who, and the way in. */
export function CallInvitation({ channel }: { channel: Channel }) {
  const state = useAppState();
  const dialogs = useDialogs();
  const people = callPeople(state, channel.id);
  const isInIt = state.call.phase !== "idle" && state.call.channelID === channel.id;
  if (isInIt || (people.length === 0 && !isRoom(channel))) return null;
  return (
    <div className="call-invitation">
      <span className="faces">
        {people.slice(0, 5).map((user, index) => <Avatar key={user?.id ?? index} user={user} />)}
        {people.length === 0 && <Icon name={channel.kind === "stage" ? "stage" : "voice"} />}
      </span>
      <p>
        <strong>{people.length === 0 ? "The room is empty" : namesOf(people)}</strong>
        {people.length === 0 && <span>Be the first: others see that you are here.</span>}
        {people.length > 0 && <span>{people.length === 1 ? "is" : "are"} in the call</span>}
      </p>
      <button
        type="button" className="button" data-testid="call-invitation"
        onClick={() => dialogs.open({ name: "joinCall", channelID: channel.id })}
      >
        {people.length === 0 ? "Start talking" : "Join"}
      </button>
    </div>
  );
}

/** People that the list of channels names for one call. */
const listedCount = 25;

/** In the list of channels: the people in the call of a voice channel, by name. */
export function SidebarCall({ channel }: { channel: Channel }) {
  const state = useAppState();
  const people = callUserIDs(state, channel.id);
  if (!isRoom(channel) || people.length === 0) return null;
  const speakers = new Set(
    state.call.phase !== "idle" && state.call.channelID === channel.id ? state.call.speakers : []);
  const speaking = new Set(
    callParticipants(state, channel.id).filter(({ participantID }) => speakers.has(participantID))
      .map(({ userID }) => userID));
  const rest = people.length - listedCount;
  return (
    <ul
      className="channel-call" data-testid="channel-call" data-channel-id={channel.id}
      aria-label={`In the call of ${channel.name ?? ""}`}
    >
      {people.slice(0, rest > 1 ? listedCount : people.length).map((userID) => (
        <li
          key={userID} data-testid="channel-call-participant" data-user-id={userID} data-speaking={speaking.has(userID)}
        >
          <Avatar user={state.users[userID]} size="small" />
          <span>{state.users[userID]?.displayName ?? "Somebody"}</span>
        </li>
      ))}
      {rest > 1 && <li data-testid="channel-call-rest"><span>and {rest} others</span></li>}
    </ul>
  );
}

/** In the button of any other channel: that there is a call, and how many are in it. */
export function CallMark({ channel }: { channel: Channel }) {
  const state = useAppState();
  const people = callPeople(state, channel.id);
  if (isRoom(channel) || people.length === 0) return null;
  return (
    <span
      className="call-mark" title={`In a call: ${namesOf(people)}`} data-testid="channel-call"
      data-channel-id={channel.id}
    >
      <Icon name="call" />{people.length}<span className="visually-hidden"> in a call</span>
    </span>
  );
}
