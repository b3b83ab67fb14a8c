import { useEffect, useRef, useState } from "react";
import { limits } from "../core/contracts";
import type { Invite, UserID } from "../core/contracts";
import { isOwner, myID, workspacePeople } from "../core/selectors";
import { PersonAvatar } from "./Avatar";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Field, Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { PersonWords, presentFirst } from "./MembersPanel";
import { fullTime } from "./times";

export function CreateWorkspaceDialog() {
  const client = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const [name, setName] = useState("");
  const create = () => run(async () => {
    await client.createWorkspace(name.trim());
    close();
  });
  return (
    <Dialog title="New workspace" onClose={close}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); void create(); }}>
        <Field
          label="Name" name="name" testID="workspace-name" required maxLength={limits.workspaceNameCount.max} value={name}
          failure={failure} hint="Your team, your club, your family" onText={setName}
        />
        <Problem failure={failure} fields={["name"]} />
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>Cancel</button>
          <button className="button primary" data-testid="create-workspace" disabled={isBusy || name.trim() === ""}>
            {isBusy ? "Making…" : "Make workspace"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function InviteDialog() {
  const state = useAppState();
  const { api } = useClient();
  const { close } = useDialogs();
  const { failure, run } = useTask();
  const [invite, setInvite] = useState<Invite>();
  const [isCopied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const { workspaceID } = state.view;
  const name = workspaceID === undefined ? "" : state.workspaces[workspaceID]?.workspace.name ?? "";
  useEffect(() => {
    if (workspaceID !== undefined) void run(async () => setInvite(await api.createInvite(workspaceID)));
  }, [workspaceID]);

  const copy = async () => {
    field.current?.select();
    // Without a secure context there is no clipboard to write to: the link is selected for the person to copy.
    if (!field.current || !("clipboard" in navigator)) return;
    await navigator.clipboard.writeText(field.current.value);
    setCopied(true);
  };
  return (
    <Dialog title={`Invite people to ${name}`} onClose={close}>
      <p className="dialog-lead">Whoever opens this link can join. Send it to the people you want here.</p>
      <Problem failure={failure} />
      <div className="copy-line">
        <label htmlFor="invite-link" className="visually-hidden">Invite link</label>
        <input
          id="invite-link" ref={field} readOnly data-testid="invite-link" placeholder="Making a link…"
          value={invite ? `${location.origin}/invite/${invite.code}` : ""}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" className="button primary" disabled={!invite} onClick={() => void copy()}>
          {isCopied ? "Copied" : "Copy"}
        </button>
      </div>
      <p className="field-hint" role="status">
        {isCopied ? "The link is in your clipboard." : invite && `It works until ${fullTime(invite.expiresAt)}.`}
      </p>
    </Dialog>
  );
}

/** Who is in the workspace, and the way out of it. What cannot be undone takes two clicks. */
export function WorkspaceDialog() {
  const state = useAppState();
  const { api } = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const [confirming, setConfirming] = useState<UserID>();
  const { workspaceID } = state.view;
  const mine = myID(state);
  const workspace = workspaceID === undefined ? undefined : state.workspaces[workspaceID];
  if (workspaceID === undefined || !workspace || mine === undefined) return null;
  const mayRemove = isOwner(state, workspaceID);
  const people = presentFirst(state, workspacePeople(state, workspaceID));
  const remove = (userID: UserID) => {
    if (confirming !== userID) return setConfirming(userID);
    void run(async () => {
      await api.removeWorkspaceMember(workspaceID, userID);
      setConfirming(undefined);
      if (userID === mine) close();
    });
  };
  return (
    <Dialog title={workspace.workspace.name} onClose={close}>
      <Problem failure={failure} />
      <ul className="picks" data-testid="workspace-members" aria-label="People">
        {people.map((user) => (
          <li key={user.id} data-user-id={user.id}>
            <PersonAvatar user={user} />
            <PersonWords user={user} role={workspace.members[user.id]?.role} />
            {mayRemove && user.id !== mine && (
              <button
                type="button" className={confirming === user.id ? "button small danger solid" : "button small"}
                data-testid="remove-from-workspace" disabled={isBusy}
                aria-label={`${confirming === user.id ? "Really remove" : "Remove"} ${user.displayName} from the workspace`}
                onClick={() => remove(user.id)}
              >
                {confirming === user.id ? "Really remove?" : "Remove"}
              </button>
            )}
          </li>
        ))}
      </ul>
      <div className="dialog-actions">
        <button
          type="button" className={confirming === mine ? "button danger solid" : "button danger"} data-testid="leave-workspace"
          disabled={isBusy} onClick={() => remove(mine)}
        >
          {confirming === mine ? "Really leave, and all its channels?" : "Leave workspace"}
        </button>
        <span className="spring" />
        <button type="button" className="button" onClick={close}>Close</button>
      </div>
    </Dialog>
  );
}
