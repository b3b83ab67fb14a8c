import Contracts
import ServiceKit
import Testing

@Suite("Settings")
struct SettingsTests {
    @Test("What is missing or wrong is said with the variable's name and what it must be")
    func errors() {
        let settings = Settings(environment: ["PORT": "70000", "MODE": "fast", "EMPTY": ""])
        #expect(throws: SettingsError.missing(name: "EMPTY", meaning: "where it is")) {
            _ = try settings.required("EMPTY", "where it is")
        }
        #expect(throws: SettingsError.self) { _ = try settings.integer("PORT", default: 1, in: 1...65535) }
        #expect(throws: SettingsError.self) { _ = try settings.choice("MODE", default: StreamKind.user) }
        #expect(SettingsError.missing(name: "A", meaning: "what it is").description == "Set A: what it is.")
    }

    @Test("Numbers, choices and lists are read; absent ones take their default")
    func values() throws {
        let settings = Settings(environment: ["PORT": "80", "KIND": "channel", "ORIGINS": "a, b"])
        #expect(try settings.integer("PORT", default: 1, in: 1...65535) == 80)
        #expect(try settings.integer("OTHER", default: 1, in: 1...65535) == 1)
        #expect(try settings.choice("KIND", default: StreamKind.user) == .channel)
        #expect(settings.list("ORIGINS") == ["a", "b"])
        #expect(settings.list("OTHER").isEmpty)
    }

    @Test(
        "A body that cannot be read is explained by field, without quoting it",
        arguments: [
            (#"{"content":"x"}"#, "idempotencyKey", "The field idempotencyKey is missing."),
            (#"{"content":7,"idempotencyKey":"k"}"#, "content", "The field content has the wrong type."),
            ("{secret", nil, "The body is not valid JSON."), ("[]", nil, "Send a JSON object."),
        ] as [(String, String?, String)])
    func explanations(body: String, field: String?, detail: String) {
        do {
            _ = try WireJSON.decode(SendMessageRequest.self, from: Array(body.utf8))
            Issue.record("it was read")
        } catch {
            let explanation = WireJSON.explanation(of: error)
            #expect(explanation.field == field)
            #expect(explanation.detail == detail)
        }
    }
}
