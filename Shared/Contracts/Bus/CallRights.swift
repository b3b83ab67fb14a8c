/// What a person may do in a call: said by the API in the grant and whenever it changes, enforced by the media node.
package struct CallRights: WireObject, Hashable {
    package static let summary = "What a person may do in a call."
    /// Whether the person may mute, invite and remove others. The API looks it up again at each deed.
    package let isModerator: Bool
    /// Whether the person only listens: in the call of a stage, until a moderator invites them to speak.
    package let isAudience: Bool
    /// The sources that a moderator turned off; only a moderator ends that.
    package let muted: [CallSource]
    /// Grows with each decision about the person in this call; rights with a lower one are older.
    package let version: Int64

    package init(isModerator: Bool, isAudience: Bool, muted: [CallSource], version: Int64) {
        self.isModerator = isModerator
        self.isAudience = isAudience
        self.muted = muted
        self.version = version
    }

    /// Of whom nobody decided anything about, in a call in which everybody speaks.
    package static let ordinary = CallRights(isModerator: false, isAudience: false, muted: [], version: 0)

    /// Whether the node forwards this source of the person.
    package func maySend(_ source: CallSource) -> Bool { !isAudience && !muted.contains(source) }
}

package struct CallRuling: WireObject, Hashable {
    package static let summary = "What the person of a seat may do."
    package let participantID: ParticipantID
    package let rights: CallRights

    package init(participantID: ParticipantID, rights: CallRights) {
        self.participantID = participantID
        self.rights = rights
    }
}
