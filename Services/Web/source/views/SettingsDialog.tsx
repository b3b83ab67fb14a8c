import { useEffect, useState } from "react";
import { limits } from "../core/contracts";
import type { Session } from "../core/contracts";
import { chooseTheme, readTheme } from "../shell/keepsakes";
import { Choice } from "./Choice";
import { useAppState, useClient, useDialogs, useTask } from "./context";
import { Field, Problem } from "./Controls";
import { Dialog } from "./Dialog";
import { fullTime } from "./times";

export function SettingsDialog() {
  const client = useClient();
  const { close } = useDialogs();
  const { isBusy, failure, run } = useTask();
  const signOut = () => run(async () => {
    await client.logOut();
    close();
  });
  return (
    <Dialog title="Settings" onClose={close} className="settings">
      <Profile />
      <Appearance />
      <Sessions />
      <Shortcuts />
      <Problem failure={failure} />
      <div className="dialog-actions">
        <button
          type="button" className="button danger" data-testid="sign-out" disabled={isBusy} onClick={() => void signOut()}
        >
          Sign out
        </button>
      </div>
    </Dialog>
  );
}

function Profile() {
  const { session } = useAppState();
  const client = useClient();
  const { isBusy, failure, run } = useTask();
  const user = session.phase === "signedIn" ? session.user : undefined;
  const [name, setName] = useState(user?.displayName ?? "");
  const isSame = name.trim() === user?.displayName;
  return (
    <section>
      <h3>Profile</h3>
      <form
        className="inline-form"
        onSubmit={(event) => { event.preventDefault(); void run(() => client.updateName(name.trim())); }}
      >
        <Field
          label="Your name" name="displayName" testID="display-name" required maxLength={limits.displayNameCount.max}
          value={name} failure={failure} hint={user ? `@${user.username} · ${user.email}` : ""} onText={setName}
        />
        <button className="button" data-testid="save-name" disabled={isBusy || isSame || name.trim() === ""}>Save</button>
      </form>
      <Problem failure={failure} fields={["displayName"]} />
    </section>
  );
}

function Appearance() {
  const [theme, setTheme] = useState(readTheme());
  return (
    <section>
      <h3>Appearance</h3>
      <Choice
        legend="Theme" name="theme" value={theme}
        options={[
          { value: "system", title: "System" }, { value: "light", title: "Light" }, { value: "dark", title: "Dark" },
        ]}
        onChoose={(chosen) => {
          setTheme(chosen);
          chooseTheme(chosen);
        }}
      />
    </section>
  );
}

function Sessions() {
  const { sessions } = useAppState();
  const client = useClient();
  const { isBusy, failure, run } = useTask();
  useEffect(() => void run(() => client.refreshSessions()), []);
  const revoke = (session: Session) => run(async () => {
    await client.api.revokeSession(session.id);
    await client.refreshSessions();
  });
  return (
    <section>
      <h3>Where you are signed in</h3>
      <Problem failure={failure} />
      {!sessions && !failure && <p className="quiet" role="status">Loading…</p>}
      <ul className="picks" data-testid="session-list">
        {sessions?.map((session) => (
          <li key={session.id}>
            <p>
              <strong>{deviceOf(session.userAgent)}{session.isCurrent && " · this device"}</strong>
              <span>Last used {fullTime(session.lastUsedAt)}</span>
            </p>
            {!session.isCurrent && (
              <button
                type="button" className="button small" data-testid="revoke-session" disabled={isBusy}
                onClick={() => void revoke(session)}
              >
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shortcuts() {
  return (
    <section>
      <h3>Keys</h3>
      <dl className="keys">
        <div><dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>Find a channel or a person</dd></div>
        <div><dt><kbd>Alt</kbd> <kbd>↑</kbd> <kbd>↓</kbd></dt><dd>Channel above or below</dd></div>
        <div><dt><kbd>↑</kbd></dt><dd>Edit your last message, in an empty composer</dd></div>
        <div><dt><kbd>Esc</kbd></dt><dd>Close, cancel, or mark the channel as read</dd></div>
      </dl>
    </section>
  );
}

/** Browser and system of a User-Agent header, as far as it can be told. */
function deviceOf(userAgent = ""): string {
  const browser = /Firefox|Edg|OPR|Chrome|Safari/.exec(userAgent)?.[0];
  const system = /Android|iPhone|iPad|Windows|Mac OS X|Linux/.exec(userAgent)?.[0];
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  const words = [browser, system].filter((word): word is string => word !== undefined).map((word) => names[word] ?? word);
  return words.join(" on ") || userAgent || "Unknown device";
}
