import { memo } from "react";
import type { ActiveCall } from "../core/call-model";
import { audienceOf } from "../core/audience";
import type { Listener } from "../core/audience";
import { isModerator } from "../core/call-rights";
import type { Channel, User } from "../core/contracts";
import { Avatar } from "./Avatar";
import { useAppState, useClient } from "./context";
import { Icon } from "./icons";

/** Below the stage: who listens, who asks for the word, and for moderators the way to give it. */
export function Audience({ call, channel }: { call: ActiveCall; channel: Channel }) {
  const { users } = useAppState();
  const listeners = audienceOf(call);
  if (channel.kind !== "stage") return null;
  return (
    <section className="audience" aria-label="Audience" data-testid="audience" data-count={listeners.length}>
      <h3>{listeners.length === 0 ? "Nobody listens yet" : `${listeners.length} listening`}</h3>
      {listeners.length > 0 && (
        <ul>
          {listeners.map((listener) => (
            <ListenerRow
              key={listener.participantID} listener={listener} user={users[listener.userID]} channel={channel}
              mayInvite={isModerator(call)}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface ListenerRowProps { listener: Listener; user: User | undefined; channel: Channel; mayInvite: boolean }

/** Rests while nothing of it changes: a stage has hundreds, and the call changes whenever somebody speaks. */
const ListenerRow = memo(function ListenerRow({ listener, user, channel, mayInvite }: ListenerRowProps) {
  const client = useClient();
  const { userID, isOwn, hand } = listener;
  const name = user?.displayName ?? "Somebody";
  return (
    <li data-testid="listener" data-user-id={userID} data-hand={hand} className={hand === undefined ? "" : "asks"}>
      <Avatar user={user} size="small" />
      <span className="listener-name">{isOwn ? "You" : name}</span>
      {hand !== undefined && (
        <span className="listener-hand" title="Asks for the word">
          <Icon name="hand" />{hand}<span className="visually-hidden">. to ask for the word</span>
        </span>
      )}
      {mayInvite && (
        <button
          type="button" className="link" data-testid="invite-to-speak" aria-label={`Invite ${name} to speak`}
          onClick={() => void client.moderate(channel.id, userID, "invite")}
        >
          Invite to speak
        </button>
      )}
    </li>
  );
}, (before, after) =>
  before.user === after.user && before.channel === after.channel && before.mayInvite === after.mayInvite
  && (Object.keys(after.listener) as (keyof Listener)[]).every((key) => before.listener[key] === after.listener[key]));
