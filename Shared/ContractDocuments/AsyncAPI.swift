import Contracts

/// The AsyncAPI 3 document of the gateway: the frames of both sides and every event.
func asyncAPI(_ schema: JSONSchema) -> JSONValue {
    let fromClient = ClientFrame.variants.map { frame($0.type, $0.payload, schema) }
    let fromServer = ServerFrame.variants.map { frame($0.type, $0.payload, schema) }
    let events = EventName.allCases.map { event($0, schema) }
    let sent = fromClient.map { ("client.\($0.name)", $0.message) }
    let received =
        fromServer.map { ("server.\($0.name)", $0.message) } + events.map { ("event.\($0.name)", $0.message) }
    return [
        "asyncapi": "3.0.0",
        "info": [
            "title": "Roost gateway",
            "version": "1",
            "description":
                "Connect, wait for hello, send identify with the access token and a cursor for each stream. Missed events follow ready, then current; after it everything is live. Close codes 4000–4099: connect again with the cursors; 4100–4199: refresh the token first; 4200–4299: sign in again; 4300–4399: the client is wrong.",
        ],
        "servers": ["gateway": ["host": "localhost:8080", "protocol": "ws", "pathname": "/gateway"]],
        "channels": [
            "gateway": [
                "address": "/gateway",
                "messages": .object(
                    (sent + received).map { ($0.0, ["$ref": .string("#/components/messages/\($0.0)")]) }),
            ]
        ],
        "operations": [
            "fromClient": operation("receive", sent.map(\.0)),
            "fromServer": operation("send", received.map(\.0)),
        ],
        "components": ["messages": .object(sent + received), "schemas": schema.components],
    ]
}

private func operation(_ action: String, _ messages: [String]) -> JSONValue {
    [
        "action": .string(action),
        "channel": ["$ref": "#/channels/gateway"],
        "messages": .array(messages.map { ["$ref": .string("#/channels/gateway/messages/\($0)")] }),
    ]
}

private func frame(
    _ type: String, _ payload: any WireObject.Type, _ schema: JSONSchema
) -> (name: String, message: JSONValue) {
    let body: JSONValue = [
        "allOf": [
            ["type": "object", "properties": ["type": ["const": .string(type)]], "required": ["type"]],
            schema.reference(payload.wireName),
        ]
    ]
    return (type, ["name": .string(type), "summary": .string(payload.summary), "payload": body])
}

private func event(_ name: EventName, _ schema: JSONSchema) -> (name: String, message: JSONValue) {
    let body: JSONValue = [
        "type": "object",
        "properties": [
            "type": ["const": "event"],
            "stream": ["type": "string", "pattern": .string("^\(name.streamKind.rawValue):[0-9a-f-]{36}$")],
            "seq": ["type": "integer", "format": "int64", "minimum": 1],
            "name": ["const": .string(name.rawValue)],
            "data": schema.reference(name.payloadType.wireName),
        ],
        "required": ["type", "stream", "seq", "name", "data"],
    ]
    return (
        name.rawValue,
        ["name": .string(name.rawValue), "summary": .string(name.payloadType.summary), "payload": body]
    )
}
