import { endpoints, limits } from "../core/contracts";
import type {
  Bootstrap, CallModeration, CallRecording, CallRemoval, CallRemovalList, CallRing, CallSource, Channel, ChannelCall, ChannelID, ChannelList, ChannelMember, ChannelMemberPage, ChannelUnread,
  CreateChannelRequest, CreateFileRequest, CurrentUser, FileID, FileLinkList, FileUpload, Invite, Message, MessageID, MessagePage, PastCallPage, RingID, SendMessageRequest, SessionID, SessionList,
  UpdateChannelRequest, UserID, Workspace, WorkspaceID, WorkspaceMember, WorkspaceMemberPage,
} from "../core/contracts";
import type { Session } from "./session";

/** The endpoints the client calls as the signed-in person, with their types. */
export class API {
  constructor(private readonly session: Session) {}

  bootstrap = () => this.session.call<Bootstrap>(endpoints.bootstrap);
  updateMe = (displayName: string) => this.session.call<CurrentUser>(endpoints.updateMe, { body: { displayName } });
  listSessions = () => this.session.call<SessionList>(endpoints.listSessions);
  revokeSession = (sessionID: SessionID) => this.session.call<void>(endpoints.revokeSession, { path: { sessionID } });

  createFile = (channelID: ChannelID, body: CreateFileRequest) =>
    this.session.call<FileUpload>(endpoints.createFile, { path: { channelID }, body });
  createFileLinks = (channelID: ChannelID, fileIDs: readonly FileID[]) =>
    this.session.call<FileLinkList>(endpoints.createFileLinks, { path: { channelID }, body: { fileIDs } });

  createWorkspace = (name: string) => this.session.call<Workspace>(endpoints.createWorkspace, { body: { name } });
  createInvite = (workspaceID: WorkspaceID) =>
    this.session.call<Invite>(endpoints.createInvite, { path: { workspaceID } });
  acceptInvite = (code: string) => this.session.call<Workspace>(endpoints.acceptInvite, { path: { code } });

  listWorkspaceMembers = (workspaceID: WorkspaceID): Promise<WorkspaceMember[]> =>
    allPages((after) => this.session.call<WorkspaceMemberPage>(endpoints.listWorkspaceMembers, {
      path: { workspaceID }, query: { after, limit: limits.pageCount.max },
    }));

  listChannels = (workspaceID: WorkspaceID) =>
    this.session.call<ChannelList>(endpoints.listChannels, { path: { workspaceID } });
  createChannel = (workspaceID: WorkspaceID, body: CreateChannelRequest) =>
    this.session.call<Channel>(endpoints.createChannel, { path: { workspaceID }, body });
  openDirectChannel = (workspaceID: WorkspaceID, userID: UserID) =>
    this.session.call<Channel>(endpoints.openDirectChannel, { path: { workspaceID }, body: { userID } });
  readChannel = (channelID: ChannelID) => this.session.call<Channel>(endpoints.readChannel, { path: { channelID } });
  readCall = (channelID: ChannelID) => this.session.call<ChannelCall>(endpoints.readCall, { path: { channelID } });
  listCalls = (channelID: ChannelID, before: string | undefined) =>
    this.session.call<PastCallPage>(endpoints.listCalls, { path: { channelID }, query: { before } });
  moderateCall = (channelID: ChannelID, userID: UserID, action: CallModeration, source?: CallSource) =>
    this.session.call<void>(endpoints.moderateCall, { path: { channelID }, body: { userID, action, source } });
  listCallRemovals = (channelID: ChannelID) =>
    this.session.call<CallRemovalList>(endpoints.listCallRemovals, { path: { channelID } });
  removeFromCall = (channelID: ChannelID, userID: UserID) =>
    this.session.call<CallRemoval>(endpoints.removeFromCall, { path: { channelID }, body: { userID } });
  allowIntoCall = (channelID: ChannelID, userID: UserID) =>
    this.session.call<void>(endpoints.allowIntoCall, { path: { channelID, userID } });
  startRecording = (channelID: ChannelID) =>
    this.session.call<CallRecording>(endpoints.startRecording, { path: { channelID } });
  stopRecording = (channelID: ChannelID) => this.session.call<void>(endpoints.stopRecording, { path: { channelID } });
  declineRing = (ringID: RingID) => this.session.call<CallRing>(endpoints.declineRing, { path: { ringID } });
  updateChannel = (channelID: ChannelID, body: UpdateChannelRequest) =>
    this.session.call<Channel>(endpoints.updateChannel, { path: { channelID }, body });
  joinChannel = (channelID: ChannelID) => this.session.call<Channel>(endpoints.joinChannel, { path: { channelID } });
  leaveChannel = (channelID: ChannelID) => this.session.call<void>(endpoints.leaveChannel, { path: { channelID } });
  addChannelMember = (channelID: ChannelID, userID: UserID) =>
    this.session.call<void>(endpoints.addChannelMember, { path: { channelID }, body: { userID } });

  removeChannelMember = (channelID: ChannelID, userID: UserID) =>
    this.session.call<void>(endpoints.removeChannelMember, { path: { channelID, userID } });
  removeWorkspaceMember = (workspaceID: WorkspaceID, userID: UserID) =>
    this.session.call<void>(endpoints.removeWorkspaceMember, { path: { workspaceID, userID } });

  readUnread = (channelID: ChannelID) =>
    this.session.call<ChannelUnread>(endpoints.readUnread, { path: { channelID } });
  markRead = (channelID: ChannelID, seq: number) =>
    this.session.call<ChannelUnread>(endpoints.markRead, { path: { channelID }, body: { seq } });
  markUnread = (channelID: ChannelID, seq: number) =>
    this.session.call<ChannelUnread>(endpoints.markUnread, { path: { channelID }, body: { seq } });

  listChannelMembers = (channelID: ChannelID): Promise<ChannelMember[]> =>
    allPages((after) => this.session.call<ChannelMemberPage>(endpoints.listChannelMembers, {
      path: { channelID }, query: { after, limit: limits.pageCount.max },
    }));

  listMessages = (channelID: ChannelID, before?: string) =>
    this.session.call<MessagePage>(endpoints.listMessages, {
      path: { channelID }, query: { before, limit: limits.defaultPageCount },
    });
  sendMessage = (channelID: ChannelID, body: SendMessageRequest) =>
    this.session.call<Message>(endpoints.sendMessage, { path: { channelID }, body });
  editMessage = (channelID: ChannelID, messageID: MessageID, content: string) =>
    this.session.call<Message>(endpoints.editMessage, { path: { channelID, messageID }, body: { content } });
  deleteMessage = (channelID: ChannelID, messageID: MessageID) =>
    this.session.call<void>(endpoints.deleteMessage, { path: { channelID, messageID } });
}

async function allPages<Member>(
  read: (after: string | undefined) => Promise<{ members: Member[]; nextCursor?: string }>,
): Promise<Member[]> {
  const all: Member[] = [];
  let after: string | undefined;
  do {
    const page = await read(after);
    all.push(...page.members);
    after = page.nextCursor;
  } while (after !== undefined);
  return all;
}
