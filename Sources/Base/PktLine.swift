/// Git's packet lines (git: gitprotocol-common): four hex digits of length, themselves included, then the payload;
/// `0000` is the flush packet.
public enum PktLine {
    /// The largest payload of one packet.
    public static let maximumPayload = 65516

    /// One packet; `nil` stands for flush.
    public static func encode(_ payload: [UInt8]?) -> [UInt8] {
        guard let payload else { return Array("0000".utf8) }
        return header(payload.count) + payload
    }

    /// A text packet, with the line feed git adds.
    public static func encode(line: String) -> [UInt8] { encode(Array((line + "\n").utf8)) }

    /// The four digits in front of a payload of `count` bytes.
    public static func header(_ count: Int) -> [UInt8] {
        let digits = String(count + 4, radix: 16)
        return Array((String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
    }

    /// The payload size a header announces; nil for flush.
    ///
    /// - Throws: `MLError(.corrupt)` for anything that is not a packet header.
    public static func payloadSize(_ header: [UInt8]) throws -> Int? {
        guard header.count == 4, header.first != UInt8(ascii: "+"), header.first != UInt8(ascii: "-"),
            let length = Int(String(decoding: header, as: UTF8.self), radix: 16), length >= 0
        else {
            throw MLError(.corrupt, "invalid packet header '\(String(decoding: header, as: UTF8.self))'")
        }
        if length == 0 { return nil }
        guard length >= 4, length - 4 <= maximumPayload else {
            throw MLError(.corrupt, "invalid packet length \(length)")
        }
        return length - 4
    }
}
