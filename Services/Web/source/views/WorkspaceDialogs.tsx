import { useEffect, useRef, useState } from "react";
import { limits } from "../core/contracts";
import type { Invite } from "../core/contracts";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Field, Problem } from "./Controls";
import { Dialog } from "./Dialog";
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
