import Contracts

/// The web client's types and constants.
func typeScript(_ catalogue: TypeCatalogue) -> String {
    var lines = ["// Generated from Shared/Contracts by `make contracts`. Do not edit.", ""]
    for name in catalogue.scalars.keys.sorted() { lines.append("export type \(name) = string;") }
    lines.append("")
    for name in catalogue.enumerations.keys.sorted() {
        let values = (catalogue.enumerations[name] ?? []).map { "\"\($0)\"" }
        lines.append("export type \(name) =\n  | " + values.joined(separator: "\n  | ") + ";")
    }
    for name in catalogue.objects.keys.sorted() { lines += interface(name, catalogue) }
    lines += ["", "export interface EventPayloads {"]
    lines += EventName.allCases.map { "  \"\($0.rawValue)\": \($0.payloadType.wireName);" }
    lines += [
        "}", "",
        "/** One event of a stream; `name` says the shape of `data`. */",
        "export type EventFrame = {",
        "  [N in EventName]: { type: \"event\"; stream: StreamID; seq: number; name: N; data: EventPayloads[N] };",
        "}[EventName];", "",
    ]
    lines += union("ClientFrame", ClientFrame.summary, ClientFrame.variants)
    lines += union("ServerFrame", ServerFrame.summary, ServerFrame.variants)
    lines += ["export const eventNames: readonly EventName[] = ["]
    lines += EventName.allCases.map { "  \"\($0.rawValue)\"," }
    lines += ["];", ""]
    lines += limitConstants
    lines += ["/** What to do when the gateway closes the socket with this code. */"]
    lines += ["export const closeActions: Record<number, \"resume\" | \"refresh\" | \"signIn\" | \"stop\"> = {"]
    lines += CloseCode.allCases.map { "  \($0.rawValue): \"\($0.action.rawValue)\"," }
    lines += ["};", "", "export const endpoints = {"]
    lines += Endpoints.all.map { "  \($0.name): { method: \"\($0.method.rawValue)\", path: \"\($0.path)\" }," }
    lines += ["} as const;", ""]
    return lines.joined(separator: "\n")
}

private func interface(_ name: String, _ catalogue: TypeCatalogue) -> [String] {
    guard let object = catalogue.objects[name] else { return [] }
    var lines = ["", "/** \(object.summary) */"]
    guard !object.fields.isEmpty else { return lines + ["export type \(name) = Record<string, never>;"] }
    lines.append("export interface \(name) {")
    for field in object.fields {
        if let meaning = object.rules[field.name]?.meaning { lines.append("  /** \(meaning) */") }
        lines.append("  \(field.name)\(field.isOptional ? "?" : ""): \(typeScriptName(field.shape));")
    }
    return lines + ["}"]
}

private func typeScriptName(_ shape: TypeShape) -> String {
    switch shape {
    case .string: "string"
    case .integer: "number"
    case .boolean: "boolean"
    case .scalar(let name, _), .enumeration(let name, _), .object(let name): name
    case .array(let element): typeScriptName(element) + "[]"
    }
}

private func union(
    _ name: String, _ summary: String, _ variants: [(type: String, payload: any WireObject.Type)]
) -> [String] {
    let cases = variants.map { variant in
        [ObjectIdentifier(Heartbeat.self), ObjectIdentifier(Current.self), ObjectIdentifier(CallLeave.self)]
            .contains(ObjectIdentifier(variant.payload))
            ? "  | { type: \"\(variant.type)\" }" : "  | ({ type: \"\(variant.type)\" } & \(variant.payload.wireName))"
    }
    return ["/** \(summary) */", "export type \(name) =", cases.joined(separator: "\n") + ";", ""]
}

/// The limits that a client checks before it sends, or waits by.
private var limitConstants: [String] {
    let ranges: [(String, ClosedRange<Int>)] = [
        ("usernameCount", Limits.usernameCount), ("displayNameCount", Limits.displayNameCount),
        ("passwordCount", Limits.passwordCount), ("workspaceNameCount", Limits.workspaceNameCount),
        ("channelNameCount", Limits.channelNameCount), ("channelTopicCount", Limits.channelTopicCount),
        ("messageScalarCount", Limits.messageScalarCount), ("pageCount", Limits.pageCount),
        ("fileLinkCount", Limits.fileLinkCount),
    ]
    let numbers: [(String, Int)] = [
        ("messageByteCount", Limits.messageByteCount), ("defaultPageCount", Limits.defaultPageCount),
        ("cursorsPerIdentify", Limits.cursorsPerIdentify), ("attachmentsPerMessage", Limits.attachmentsPerMessage),
    ]
    let durations: [(String, Duration)] = [
        ("heartbeatInterval", Limits.heartbeatInterval), ("heartbeatTimeout", Limits.heartbeatTimeout),
        ("messageMute", Limits.messageMute),
    ]
    return ["export const limits = {"]
        + ranges.map { "  \($0.0): { min: \($0.1.lowerBound), max: \($0.1.upperBound) }," }
        + numbers.map { "  \($0.0): \($0.1)," }
        + durations.map { "  \($0.0)Milliseconds: \($0.1.components.seconds * 1000)," } + ["} as const;", ""]
}
