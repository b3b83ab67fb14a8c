import CAllocations
import Contracts
import MediaCore
import MediaPeer
import MediaSecurity
import Testing

@Suite("The keys of relays between nodes")
struct RelayKeyAgreementTests {
    private let id = RelayID(high: 1, low: 2)

    @Test(
        "Two nodes that have seen each other's public keys have the keys of each other's packets, and of no other relay"
    )
    func agreement() throws {
        let (home, away) = (RelayKeyAgreement(), RelayKeyAgreement())
        let one = try #require(home.keys(with: away.publicKey, of: id, isHome: true))
        let other = try #require(away.keys(with: home.publicKey, of: id, isHome: false))
        #expect(one.local == other.remote && one.remote == other.local && one.local != one.remote)
        #expect(one.local.count == RelayEnd.profile.keyByteCount + RelayEnd.profile.saltByteCount)
        let another = try #require(home.keys(with: away.publicKey, of: RelayID(high: 1, low: 3), isHome: true))
        #expect(another.local != one.local)
        let stranger = try #require(RelayKeyAgreement().keys(with: away.publicKey, of: id, isHome: true))
        #expect(stranger.local != one.local)
    }

    @Test(
        "What is no public key gives none", arguments: ["", "AAAA", "not base64!", String(repeating: "A", count: 44)])
    func refused(text: String) {
        #expect(RelayKeyAgreement().keys(with: text, of: id, isHome: true) == nil)
    }
}
