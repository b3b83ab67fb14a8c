/// What part of a file a request asks for (RFC 9110 §14).
package enum ByteSelection: Equatable, Sendable {
    case whole
    case part(Range<Int64>)
    /// Nothing of what was asked for is in the file: 416.
    case unsatisfiable

    /// Reads the headers of a request for a file.
    ///
    /// What is no range of bytes, or several ranges, is answered with the whole file, as a server may (§14.2).
    /// - Parameters:
    ///   - range: the field `Range`.
    ///   - condition: the field `If-Range`: the range counts only if it is the file's tag. A date never is (§13.1.5: it
    ///     would have to be strong).
    ///   - tag: the file's entity tag, in quotes.
    ///   - byteCount: bytes of the file; more than 0.
    package init(range: String?, condition: String?, tag: String, byteCount: Int64) {
        guard let range, condition == nil || condition == tag, let asked = Self.read(range) else {
            self = .whole
            return
        }
        let part: Range<Int64>
        switch asked {
        case (let first?, let last?):
            guard first <= last else {
                self = .whole
                return
            }
            part = min(first, byteCount)..<min(last, byteCount - 1) + 1
        case (let first?, nil): part = min(first, byteCount)..<byteCount
        case (nil, let suffix?): part = byteCount - min(suffix, byteCount)..<byteCount
        case (nil, nil):
            self = .whole
            return
        }
        self = part.isEmpty ? .unsatisfiable : .part(part)
    }

    /// The two numbers of one range, as they stand around the hyphen; `nil` for anything else.
    private static func read(_ text: String) -> (first: Int64?, last: Int64?)? {
        let unit = "bytes="
        guard text.lowercased().hasPrefix(unit) else { return nil }
        let ends = text.dropFirst(unit.count).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        var numbers: [Int64?] = []
        for end in ends {
            let digits = end.trimmingSpaces()
            if digits.isEmpty {
                numbers.append(nil)
            } else if digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                // More digits than a number has mean a place past any file; one less than the largest, so that 1 can be added.
                numbers.append(min(Int64(digits) ?? .max, .max - 1))
            } else {
                return nil
            }
        }
        return (numbers[0], numbers[1])
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        var rest = self
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return rest
    }
}
