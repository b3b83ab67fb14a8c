import type { CurrentUser } from "../core/contracts";
import { useClient, useDialogs, useTask } from "./context";
import { Problem } from "./Controls";
import { Mark } from "./icons";

/** For a person without any workspace: what to do next. */
export function WelcomePage({ user }: { user: CurrentUser }) {
  const client = useClient();
  const dialogs = useDialogs();
  const { isBusy, failure, run } = useTask();
  return (
    <main className="welcome">
      <div className="welcome-card">
        <Mark />
        <h1>Hello, {user.displayName}</h1>
        <p>
          A workspace is where your people and their channels live. Make one and invite them, or open the invite link that
          somebody sent you.
        </p>
        <button
          type="button" className="button primary" data-testid="new-workspace"
          onClick={() => dialogs.open({ name: "createWorkspace" })}
        >
          Make a workspace
        </button>
        <Problem failure={failure} />
        <button type="button" className="link" disabled={isBusy} onClick={() => void run(() => client.logOut())}>
          Sign out
        </button>
      </div>
    </main>
  );
}

/** Accepting an invite. */
export function InvitePage({ code }: { code: string }) {
  const client = useClient();
  const { isBusy, failure, run } = useTask();
  return (
    <main className="welcome">
      <div className="welcome-card">
        <Mark />
        <h1>You are invited</h1>
        <p>Somebody has kept a place for you on their perch. Join, and you see their public channels at once.</p>
        <Problem failure={failure} />
        <button
          type="button" className="button primary" data-testid="accept-invite" disabled={isBusy}
          onClick={() => void run(() => client.acceptInvite(code))}
        >
          {isBusy ? "Joining…" : "Join the workspace"}
        </button>
        <button type="button" className="link" onClick={() => client.store.dispatch({ type: "inviteClosed" })}>
          Not now
        </button>
      </div>
    </main>
  );
}
