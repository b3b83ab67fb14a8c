import Contracts

/// The times of presence. A service uses ``standard``; tests use the same times made shorter.
package struct PresenceTiming: Hashable, Sendable {
    /// How long what a connection says counts without a beat.
    package let life: Duration
    package let beat: Duration
    /// How long a closed connection still counts, and one whose client has gone to another gateway.
    package let grace: Duration
    package let moveGrace: Duration
    /// Changes within this time are told together.
    package let hold: Duration
    package let lease: Duration
    package let leaseBeat: Duration
    /// How often deadlines are looked at, and whether Redis still has its memory. Divides ``beat`` and ``leaseBeat``.
    package let tick: Duration
    /// After Redis lost its memory everybody is announced anew at a random moment within this time.
    package let jitter: Duration
    /// How long after such a loss nobody is believed to be offline, and when who came back is looked for first.
    package let settle: Duration
    package let firstLook: Duration
    /// Each person who is watched is read anew this often, so that a change whose publication was lost shows.
    package let refresh: Duration

    /// The times of ``Limits``.
    package static let standard = Self(scale: 1)

    /// The times of ``Limits``, each multiplied, but for the hold.
    package init(scale: Double) {
        life = Limits.presenceLife * scale
        beat = Limits.presenceBeat * scale
        grace = Limits.presenceGrace * scale
        moveGrace = Limits.presenceMoveGrace * scale
        hold = Limits.presenceHold
        lease = Limits.gatewayLease * scale
        leaseBeat = Limits.gatewayLeaseBeat * scale
        tick = Limits.presenceTick * scale
        jitter = Limits.registerJitter * scale
        settle = Limits.presenceSettle * scale
        firstLook = Limits.presenceFirstLook * scale
        refresh = Limits.presenceRefresh * scale
    }

    /// How many ticks make a beat.
    package var ticksPerBeat: Int { max(1, Int((beat / tick).rounded())) }
    package var ticksPerLeaseBeat: Int { max(1, Int((leaseBeat / tick).rounded())) }
    package var ticksPerRefresh: Int { max(1, Int((refresh / tick).rounded())) }
}
