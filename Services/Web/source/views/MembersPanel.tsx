import type { Channel, ChannelID, User, UserID } from "../core/contracts";
import { presenceOf, presenceWords } from "../core/presence";
import { channelPeople, isOwner, myID, titleOf } from "../core/selectors";
import type { State } from "../core/state";
import { PersonAvatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { IconButton, Problem } from "./Controls";
import { Dialog } from "./Dialog";

/** Who is in the channel: those who are here first. */
export function MembersPanel({ channel }: { channel: Channel }) {
  const state = useAppState();
  const client = useClient();
  const dialogs = useDialogs();
  const { isBusy, failure, run } = useTask();
  const people = presentFirst(state, channelPeople(state, channel.id));
  const isLoaded = state.joined[channel.id]?.hasMembers ?? false;
  const mayRemove = isOwner(state, channel.workspaceID);
  return (
    <aside className="members" aria-labelledby="members-title">
      <header>
        <h2 id="members-title">Members <span className="count">{isLoaded ? people.length : ""}</span></h2>
        <IconButton
          icon="invite" label="Add people to this channel" testID="add-people"
          onClick={() => dialogs.open({ name: "addPeople", channelID: channel.id })}
        />
        <IconButton
          icon="close" label="Close members"
          onClick={() => client.store.dispatch({ type: "membersToggled", isOpen: false })}
        />
      </header>
      <Problem failure={failure} />
      {!isLoaded && <p className="quiet" role="status">Loading…</p>}
      <ul data-testid="member-list">
        {isLoaded && people.map((user) => (
          <li key={user.id} data-user-id={user.id} data-presence={presenceOf(state, user.id)?.state}>
            <PersonAvatar user={user} />
            <PersonWords user={user} role={state.workspaces[channel.workspaceID]?.members[user.id]?.role} />
            {user.id !== myID(state) && (
              <IconButton
                icon="chat" label={`Message ${user.displayName}`}
                onClick={() => { if (!isBusy) void run(() => client.openDirect(user.id)); }}
              />
            )}
            {user.id !== myID(state) && mayRemove && (
              <IconButton
                icon="remove" label={`Remove ${user.displayName} from this channel`} testID="remove-member" isDanger
                onClick={() => dialogs.open({ name: "removeMember", channelID: channel.id, userID: user.id })}
              />
            )}
          </li>
        ))}
      </ul>
    </aside>
  );
}

/** Name, user name and what there is to know of a person now. */
export function PersonWords({ user, role }: { user: User; role: string | undefined }) {
  const state = useAppState();
  const presence = presenceOf(state, user.id);
  const { status } = presence ?? {};
  return (
    <p>
      <strong>{user.displayName}</strong>
      <span>
        @{user.username}{role === "owner" && " · owner"}
        {presence && <span className="visually-hidden">, {presenceWords[presence.state].toLowerCase()}</span>}
      </span>
      {status && <span data-testid="member-status">{status.emoji ?? "💬"} {status.text}</span>}
    </p>
  );
}

/** By name, but who is offline last. */
export function presentFirst(state: State, people: readonly User[]): User[] {
  const isAway = (user: User) => Number((presenceOf(state, user.id)?.state ?? "offline") === "offline");
  return [...people].sort((left, right) => isAway(left) - isAway(right));
}

export function RemoveMemberDialog({ channelID, userID }: { channelID: ChannelID; userID: UserID }) {
  const state = useAppState();
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const channel = state.channels[channelID];
  const name = state.users[userID]?.displayName ?? "this person";
  if (!channel) return null;
  const remove = () => run(async () => {
    await api.removeChannelMember(channelID, userID);
    close();
  });
  return (
    <Dialog title={`Remove ${name}?`} onClose={close}>
      <p className="dialog-lead">
        {name} leaves {titleOf(state, channel)} at once, its call too.{" "}
        {channel.visibility === "public" ? "It is public: they can come back." : "Somebody must add them to come back."}
      </p>
      <Problem failure={failure} />
      <div className="dialog-actions">
        <button type="button" className="button" onClick={close}>Cancel</button>
        <button
          type="button" className="button danger solid" data-testid="confirm-remove" disabled={isBusy}
          onClick={() => void remove()}
        >
          {isBusy ? "Removing…" : "Remove"}
        </button>
      </div>
    </Dialog>
  );
}
