import { AuthPage } from "./AuthPage";
import { CallHost } from "./CallHost";
import { Dialogs } from "./Dialogs";
import { InvitePage, WelcomePage } from "./WelcomePage";
import { ConsentDialog, RecordingBanner } from "./Recording";
import { RingBanner } from "./RingBanner";
import { Mark } from "./icons";
import { useAppState } from "./context";
import { WorkspacePage } from "./WorkspacePage";

/** The page for what the session and the view are. */
export function App() {
  const { session, snapshot, view, workspaces, loadProblems, call } = useAppState();
  if (session.phase === "signedOut") return <AuthPage notice={session.notice} hasInvite={view.inviteCode !== undefined} />;
  if (session.phase === "starting") return <Starting problem={session.problem} />;
  if (snapshot === "missing") return <Starting problem={loadProblems.bootstrap} />;
  const hasPlace = Object.keys(workspaces).length > 0;
  // What rings shows in a dialog while there is one.
  const isAsked = call.phase !== "idle" && call.consent === "asked";
  const page = hasPlace ? <WorkspacePage /> : <WelcomePage user={session.user} />;
  return (
    <>
      {view.inviteCode === undefined ? page : <InvitePage code={view.inviteCode} />}
      {!(hasPlace && view.inviteCode === undefined) && <RecordingBanner isFloating />}
      {view.inviteCode === undefined && <Dialogs />}
      <CallHost />
      <ConsentDialog />
      {view.dialog === undefined && !isAsked && <RingBanner />}
    </>
  );
}

function Starting({ problem }: { problem: string | undefined }) {
  return (
    <main className="starting" aria-busy="true">
      <Mark />
      <p role="status">{problem ?? "Opening Roost…"}</p>
    </main>
  );
}
