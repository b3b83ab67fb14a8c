import { AddPeopleDialog, DirectDialog } from "./PeopleDialogs";
import { BrowseDialog, ChannelDialog, CreateChannelDialog } from "./ChannelDialogs";
import { CallLogDialog } from "./CallLog";
import { CallDevicesDialog, JoinCallDialog } from "./JoinCallDialog";
import { CallRemovalsDialog, RemoveFromCallDialog } from "./Moderation";
import { useAppState } from "./context";
import { DeleteMessageDialog } from "./DeleteMessageDialog";
import { SettingsDialog } from "./SettingsDialog";
import { SwitcherDialog } from "./SwitcherDialog";
import { RemoveMemberDialog } from "./MembersPanel";
import { StatusDialog } from "./StatusDialog";
import { CreateWorkspaceDialog, InviteDialog, WorkspaceDialog } from "./WorkspaceDialogs";

/** The dialog that is open. */
export function Dialogs() {
  const { dialog } = useAppState().view;
  switch (dialog?.name) {
    case undefined: return null;
    case "createWorkspace": return <CreateWorkspaceDialog />;
    case "workspace": return <WorkspaceDialog />;
    case "status": return <StatusDialog />;
    case "removeMember": return <RemoveMemberDialog channelID={dialog.channelID} userID={dialog.userID} />;
    case "invite": return <InviteDialog />;
    case "createChannel": return <CreateChannelDialog />;
    case "browse": return <BrowseDialog />;
    case "channel": return <ChannelDialog channelID={dialog.channelID} />;
    case "addPeople": return <AddPeopleDialog channelID={dialog.channelID} />;
    case "joinCall": return <JoinCallDialog channelID={dialog.channelID} />;
    case "removeFromCall": return <RemoveFromCallDialog channelID={dialog.channelID} userID={dialog.userID} />;
    case "callRemovals": return <CallRemovalsDialog channelID={dialog.channelID} />;
    case "callLog": return <CallLogDialog channelID={dialog.channelID} />;
    case "callDevices": return <CallDevicesDialog />;
    case "direct": return <DirectDialog />;
    case "switcher": return <SwitcherDialog />;
    case "settings": return <SettingsDialog />;
    case "deleteMessage": return <DeleteMessageDialog channelID={dialog.channelID} messageID={dialog.messageID} />;
  }
}
