import { useState } from "react";
import type { ChannelID, User } from "../core/contracts";
import { channelPeople, matches, otherPeople, titleOf } from "../core/selectors";
import { Avatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Empty, Field, Problem } from "./Controls";
import { Dialog } from "./Dialog";

/** Whom to write to. */
export function DirectDialog() {
  const state = useAppState();
  const client = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const open = (user: User) => run(async () => {
    await client.openDirect(user.id);
    close();
  });
  return (
    <Dialog title="New direct message" onClose={close}>
      <Problem failure={failure} />
      <People
        people={otherPeople(state, state.view.workspaceID)} word="Message" testID="message-person" isBusy={isBusy}
        onPick={(user) => void open(user)}
      />
    </Dialog>
  );
}

/** Whom to add to a channel: the people of the workspace that are not in it. */
export function AddPeopleDialog({ channelID }: { channelID: ChannelID }) {
  const state = useAppState();
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const channel = state.channels[channelID];
  if (!channel) return null;
  const present = new Set(channelPeople(state, channelID).map((user) => user.id));
  const people = otherPeople(state, channel.workspaceID).filter((user) => !present.has(user.id));
  return (
    <Dialog title={`Add people to ${titleOf(state, channel)}`} onClose={close}>
      <Problem failure={failure} />
      <People
        people={people} word="Add" testID="add-person" isBusy={isBusy}
        onPick={(user) => void run(() => api.addChannelMember(channelID, user.id))}
      />
    </Dialog>
  );
}

interface PeopleProps {
  people: User[];
  /** What the button of each person says. */
  word: string;
  testID: string;
  isBusy: boolean;
  onPick: (user: User) => void;
}

function People({ people, word, testID, isBusy, onPick }: PeopleProps) {
  const dialogs = useDialogs();
  const [query, setQuery] = useState("");
  const found = people.filter((user) => matches(`${user.displayName} ${user.username}`, query));
  if (people.length === 0) {
    return (
      <Empty icon="people" title="Nobody else here yet">
        <p>Send an invite link to the people you want to talk with.</p>
        <button type="button" className="button primary" onClick={() => dialogs.open({ name: "invite" })}>
          Invite people
        </button>
      </Empty>
    );
  }
  return (
    <>
      <Field label="Find a person" name="person" value={query} autoComplete="off" onText={setQuery} />
      <ul className="picks">
        {found.map((user) => (
          <li key={user.id}>
            <Avatar user={user} />
            <p><strong>{user.displayName}</strong><span>@{user.username}</span></p>
            <button
              type="button" className="button small" data-testid={testID} disabled={isBusy}
              aria-label={`${word} ${user.displayName}`} onClick={() => onPick(user)}
            >
              {word}
            </button>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="quiet" role="status">Nobody is called that.</p>}
    </>
  );
}
