import type { Channel } from "../core/contracts";
import { channelPeople, myID } from "../core/selectors";
import { Avatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { IconButton, Problem } from "./Controls";

/** Who is in the channel. */
export function MembersPanel({ channel }: { channel: Channel }) {
  const state = useAppState();
  const client = useClient();
  const dialogs = useDialogs();
  const { isBusy, failure, run } = useTask();
  const people = channelPeople(state, channel.id);
  const isLoaded = state.joined[channel.id]?.hasMembers ?? false;
  const roles = state.workspaces[channel.workspaceID]?.members;
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
          <li key={user.id}>
            <Avatar user={user} />
            <p>
              <strong>{user.displayName}</strong>
              <span>@{user.username}{roles?.[user.id]?.role === "owner" && " · owner"}</span>
            </p>
            {user.id !== myID(state) && (
              <button
                type="button" className="button small" disabled={isBusy} aria-label={`Message ${user.displayName}`}
                onClick={() => void run(() => client.openDirect(user.id))}
              >
                Message
              </button>
            )}
          </li>
        ))}
      </ul>
    </aside>
  );
}
