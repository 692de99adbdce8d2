/// What a content is taken for: by its name first, by its first bytes when the name says nothing or they contradict it.
public enum ContentKind: String, Sendable {
    case tsv, csv, jsonLines = "jsonl", json, text, safetensors, npy, zip, binary

    /// Rows with columns.
    public var isTable: Bool { self == .tsv || self == .csv || self == .jsonLines }
    /// Made of lines.
    public var isText: Bool { isTable || self == .json || self == .text }

    /// How many first bytes `detect` wants to see.
    public static let headLength = 8192

    /// - Parameters:
    ///   - path: only the end of the name counts.
    ///   - head: the first `headLength` bytes, or all there are.
    ///   - size: the length of the whole content in bytes.
    public static func detect(path: String, head: [UInt8], size: Int64) -> ContentKind {
        if head.starts(with: NPYHeader.magic) { return .npy }
        if looksLikeSafetensors(head, size) { return .safetensors }
        if head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x50, 0x4B, 5, 6]) { return .zip }
        // Git's own rule for "binary" (git: xdiff-interface.c, buffer_is_binary), with a longer look.
        if head.contains(0) { return .binary }
        let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
        let ending = name.split(separator: ".").count > 1 ? name.split(separator: ".").last.map(String.init) ?? "" : ""
        switch ending {
        case "tsv", "tab": return .tsv
        case "csv": return .csv
        case "jsonl", "ndjson": return .jsonLines
        case "json", "ipynb": return .json
        default: return .text
        }
    }

    /// The kind both versions have; where they differ, the simplest that both are.
    static func common(_ a: ContentKind, _ b: ContentKind) -> ContentKind {
        if a == b { return a }
        return a.isText && b.isText ? .text : .binary
    }

    private static func looksLikeSafetensors(_ head: [UInt8], _ size: Int64) -> Bool {
        guard head.count > 9, head[8] == UInt8(ascii: "{") else { return false }
        let length = head[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return length >= 2 && length <= UInt64(max(0, size - 8))
    }
}
