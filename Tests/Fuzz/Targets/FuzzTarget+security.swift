import MediaSecurity

extension FuzzTarget {
    /// A datagram to a server that waits for a handshake, and to a client that has begun one.
    static let dtls = FuzzTarget("dtls") { bytes in
        var feature = FeatureHash()
        var outcome = Outcome(feature: 0)
        let now = MediaTime(nanoseconds: 0)
        do throws(DTLSError) {
            for role in [DTLSRole.server, .client] {
                let connection = try DTLSConnection(certificate: try certificate.get(), role: role, expected: nil)
                _ = connection.start(now: now)
                var datagramCount = 0
                connection.takeDatagrams { _ in datagramCount += 1 }
                switch bytes.withUnsafeBytes({ connection.receive($0, now: now) }) {
                case .none: feature.add(1)
                case .established: outcome.fault = "One datagram is no handshake."
                case .closed: outcome.fault = "What is not open cannot be closed."
                case .failed(let error): feature.add("\(error)")
                }
                connection.takeDatagrams { datagram in
                    datagramCount += 1
                    if datagram.count > 1200 { outcome.fault = "A datagram is too long." }
                }
                feature.add(datagramCount)
            }
        } catch {
            outcome.fault = "\(error)"
        }
        outcome.feature = feature.value
        return outcome
    }

    private static let certificate = Result { () throws(DTLSError) in try DTLSCertificate.selfSigned() }

    /// A byte that says how, then a packet, which is protected and opened by both implementations: they must agree.
    static let srtp = FuzzTarget("srtp") { bytes in
        guard let first = bytes.first else { return Outcome(feature: 0) }
        let profiles = SRTPProfile.allCases
        let profile = profiles[Int(first >> 2) % profiles.count]
        let isReport = first & 2 != 0
        let packet = Array(bytes.dropFirst())
        var results: [[UInt8]?] = []
        do throws(SRTPError) {
            for implementation in SRTPImplementation.allCases {
                let session = try SRTPSession(keys: keys(profile), implementation: implementation)
                results.append(transform(session, packet, isReport: isReport, isOpening: first & 1 != 0))
            }
        } catch {
            return Outcome(feature: 0, fault: "\(error)")
        }
        var outcome = Outcome(feature: UInt64(first & 31) << 1 | (results[0] == nil ? 0 : 1))
        // libsrtp2 does not look at the version, nor whether there is a whole header of a report.
        let isPacket = packet.count >= 12 && packet[0] >> 6 == 2
        if isPacket, results[0] != results[1] { outcome.fault = "The implementations of SRTP do not agree." }
        return outcome
    }

    /// The same for both directions, so that the corpus can hold packets that are opened.
    private static func keys(_ profile: SRTPProfile) -> SRTPKeys {
        let key = (0..<(profile.keyByteCount + profile.saltByteCount)).map { UInt8($0) }
        return SRTPKeys(profile: profile, local: key, remote: key)
    }

    private static func transform(
        _ session: SRTPSession, _ packet: [UInt8], isReport: Bool, isOpening: Bool
    ) -> [UInt8]? {
        var buffer = packet + [UInt8](repeating: 0, count: SRTPSession.trailingByteCount)
        let count = buffer.withUnsafeMutableBytes { buffer in
            switch (isOpening, isReport) {
            case (false, false): session.protectRTP(buffer, count: packet.count)
            case (false, true): session.protectRTCP(buffer, count: packet.count)
            case (true, false): session.unprotectRTP(buffer, count: packet.count)
            case (true, true): session.unprotectRTCP(buffer, count: packet.count)
            }
        }
        return count.map { Array(buffer.prefix($0)) }
    }
}
