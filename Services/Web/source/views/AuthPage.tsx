import { useState } from "react";
import type { FormEvent } from "react";
import { limits } from "../core/contracts";
import { useClient, useTask } from "./context";
import { Field, Problem } from "./Controls";
import { Mark } from "./icons";
import { Perch } from "./Perch";

/** Signing in and signing up. */
export function AuthPage({ notice, hasInvite }: { notice: string | undefined; hasInvite: boolean }) {
  const [isNew, setNew] = useState(hasInvite);
  return (
    <div className="auth">
      <aside className="auth-scene" aria-hidden="true"><Perch /></aside>
      <main className="auth-main">
        <div className="auth-card">
          <p className="wordmark"><Mark />Roost</p>
          <h1>{isNew ? "Come on in" : "Welcome back"}</h1>
          <p className="auth-lead">{lead(isNew, hasInvite)}</p>
          {notice && <p className="notice" role="status">{notice}</p>}
          {isNew ? <SignUp /> : <SignIn />}
          <p className="auth-switch">
            {isNew ? "You have an account?" : "New here?"}{" "}
            <button
              type="button" className="link" data-testid={isNew ? "to-sign-in" : "to-sign-up"}
              onClick={() => setNew(!isNew)}
            >
              {isNew ? "Sign in" : "Create an account"}
            </button>
          </p>
        </div>
      </main>
    </div>
  );
}

function lead(isNew: boolean, hasInvite: boolean): string {
  if (hasInvite) return isNew ? "Create an account to accept your invite." : "Sign in to accept your invite.";
  return isNew ? "A quiet place for your people to talk." : "Your people are here.";
}

function SignUp() {
  const client = useClient();
  const { isBusy, failure, run } = useTask();
  const [email, setEmail] = useState("");
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(() => client.register(email.trim(), username.trim(), password, displayName.trim() || undefined));
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field
        label="E-mail" name="email" testID="email" type="email" autoComplete="email" required value={email}
        failure={failure} onText={setEmail}
      />
      <Field
        label="User name" name="username" testID="username" autoComplete="username" required value={username}
        minLength={limits.usernameCount.min} maxLength={limits.usernameCount.max} pattern="[A-Za-z0-9_]+"
        title="Letters, digits and underscores" spellCheck={false} autoCapitalize="none" failure={failure}
        hint={`${limits.usernameCount.min} to ${limits.usernameCount.max} letters, digits or underscores`}
        onText={setUsername}
      />
      <Field
        label="Your name (optional)" name="displayName" testID="display-name" autoComplete="name" value={displayName}
        maxLength={limits.displayNameCount.max} failure={failure} hint="How others see you" onText={setDisplayName}
      />
      <Field
        label="Password" name="password" testID="password" type="password" autoComplete="new-password" required
        value={password} minLength={limits.passwordCount.min} maxLength={limits.passwordCount.max} failure={failure}
        hint={`At least ${limits.passwordCount.min} characters`} onText={setPassword}
      />
      <Problem failure={failure} fields={["email", "username", "displayName", "password"]} />
      <button className="button primary wide" data-testid="submit" disabled={isBusy}>
        {isBusy ? "One moment…" : "Create account"}
      </button>
    </form>
  );
}

function SignIn() {
  const client = useClient();
  const { isBusy, failure, run } = useTask();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run(() => client.logIn(login.trim(), password));
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field
        label="E-mail or user name" name="login" testID="login" autoComplete="username" required value={login}
        spellCheck={false} autoCapitalize="none" failure={failure} onText={setLogin}
      />
      <Field
        label="Password" name="password" testID="password" type="password" autoComplete="current-password" required
        value={password} failure={failure} onText={setPassword}
      />
      <Problem failure={failure} fields={["login", "password"]} />
      <button className="button primary wide" data-testid="submit" disabled={isBusy}>
        {isBusy ? "One moment…" : "Sign in"}
      </button>
    </form>
  );
}
